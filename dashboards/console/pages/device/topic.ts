/** One device. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'device',
  title: { zh: '设备', en: 'Device' },
  right: 'devices.read',
  routes: [route('/devices/:id', () => import('./page.tsx'))],
};
