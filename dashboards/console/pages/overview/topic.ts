/** One area at a glance. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'overview',
  title: { zh: '总览', en: 'Overview' },
  right: 'devices.read',
  nav: { href: '/', icon: 'home', order: 10 },
  routes: [
    route('/', () => import('./page.tsx')),
    route('/areas/:code', () => import('./page.tsx')),
  ],
};
