/** The county on a map. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'map',
  title: { zh: '地图', en: 'Map' },
  right: 'devices.read',
  nav: {
    href: '/map',
    icon: 'M12 21s-7-6-7-11a7 7 0 0114 0c0 5-7 11-7 11zM12 7.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5',
    order: 15,
  },
  routes: [route('/map', () => import('./page.tsx'))],
};
