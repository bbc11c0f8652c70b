/** Who may sign in, and what each role may do. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'people',
  title: { zh: '用户与角色', en: 'People and roles' },
  right: 'users.manage',
  nav: {
    href: '/people',
    icon: 'M9 5a3.5 3.5 0 100 7 3.5 3.5 0 000-7M2.5 20a6.5 6.5 0 0113 0M16 5.5a3.5 3.5 0 010 6.5M18 14.5a6.5 6.5 0 013.5 5.5',
    order: 86,
  },
  routes: [
    route('/people', () => import('./page.tsx')),
    route('/people/roles', () => import('./roles.tsx')),
  ],
};
