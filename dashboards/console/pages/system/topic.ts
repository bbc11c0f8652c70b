/** How the platform itself is. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'system',
  title: { zh: '系统', en: 'System' },
  right: 'system.read',
  nav: { href: '/system', icon: 'system', order: 90 },
  routes: [
    route('/system', () => import('./page.tsx')),
    route('/system/configuration', () => import('./configuration.tsx')),
  ],
};
