/** Types of devices. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'profiles',
  title: { zh: '设备类型', en: 'Device types' },
  right: 'devices.read',
  nav: { href: '/profiles', icon: 'columns', order: 85 },
  routes: [route('/profiles', () => import('./page.tsx'))],
};
