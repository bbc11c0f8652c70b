/** Finding devices. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'devices',
  title: { zh: '设备', en: 'Devices' },
  right: 'devices.read',
  nav: { href: '/devices', icon: 'list', order: 20 },
  search: { href: '/devices', field: '#device-search' },
  routes: [route('/devices', () => import('./page.tsx'))],
};
