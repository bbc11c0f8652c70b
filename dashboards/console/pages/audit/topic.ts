/** Who did what, and when. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'audit',
  title: { zh: '审计日志', en: 'Audit log' },
  right: 'audit.read',
  nav: {
    href: '/audit',
    icon: 'M6 3h9l4 4v14H6zM15 3v4h4M9 12l2 2 4-4M9 17h6',
    order: 88,
  },
  routes: [route('/audit', () => import('./page.tsx'))],
};
