/** Gateways: how they stand, adding one, and what connects it. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'gateways',
  title: { zh: '网关', en: 'Gateways' },
  right: 'devices.import',
  nav: {
    href: '/gateways',
    icon: 'M4 14h16v6H4zM8 17h.01M12 14v-3M8.5 8.5a5 5 0 017 0M5.5 5.5a9.2 9.2 0 0113 0',
    order: 87,
  },
  routes: [
    route('/gateways', () => import('./page.tsx')),
    route('/gateways/new', () => import('./add.tsx')),
    route('/gateways/:id/connect', () => import('./connect.tsx')),
  ],
};
