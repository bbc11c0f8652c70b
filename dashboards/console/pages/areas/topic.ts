/** Counties, townships and villages: the tree, adding and renaming. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'areas',
  title: { zh: '区域', en: 'Areas' },
  right: 'areas.import',
  nav: {
    href: '/areas',
    icon: 'M12 3v5M12 8H6v4M12 8h6v4M3 12h6v5H3zM15 12h6v5h-6z',
    order: 86,
  },
  routes: [route('/areas', () => import('./page.tsx'))],
};
