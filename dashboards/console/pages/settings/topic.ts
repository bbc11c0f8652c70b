/** What each person may set for themselves. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'settings',
  title: { zh: '设置', en: 'Settings' },
  nav: { href: '/settings', icon: 'settings', order: 100 },
  routes: [route('/settings', () => import('./page.tsx'))],
};
