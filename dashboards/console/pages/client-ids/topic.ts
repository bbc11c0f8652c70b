/** Client ids of MQTT that credentials are bound to. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'client-ids',
  title: { zh: 'MQTT 客户端标识', en: 'MQTT client ids' },
  right: 'client-ids.release',
  routes: [route('/client-ids', () => import('./page.tsx'))],
};
