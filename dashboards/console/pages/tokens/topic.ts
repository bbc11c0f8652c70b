/** Tokens of machines that call the interface. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'tokens',
  title: { zh: '接口令牌', en: 'Tokens' },
  right: 'tokens.manage',
  nav: {
    href: '/tokens',
    icon: 'M8 11a4 4 0 100 8 4 4 0 000-8M11 12l9-9M16 7l3 3M14 9l2 2',
    order: 87,
  },
  routes: [route('/tokens', () => import('./page.tsx'))],
};
