/** Areas and devices from a file. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'import',
  title: { zh: '导入', en: 'Import' },
  right: 'devices.import',
  nav: { href: '/import', icon: 'M12 15V4m-4 4 4-4 4 4M4 14v6h16v-6', order: 85 },
  routes: [route('/import', () => import('./page.tsx'))],
};
