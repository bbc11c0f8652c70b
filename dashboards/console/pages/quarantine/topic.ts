/** What could not be decoded. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'quarantine',
  title: { zh: '隔离区', en: 'Quarantine' },
  right: 'quarantine.read',
  nav: { href: '/quarantine', icon: 'inbox', order: 80 },
  routes: [route('/quarantine', () => import('./page.tsx'))],
};
