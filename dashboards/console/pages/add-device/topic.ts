/** Adding one device, and what connects it. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'add-device',
  title: { zh: '添加设备', en: 'Add a device' },
  right: 'devices.import',
  routes: [
    route('/add-device', () => import('./page.tsx')),
    route('/devices/:id/connect', () => import('./connect.tsx')),
  ],
};
