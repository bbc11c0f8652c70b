/** Corrections: all of them, and those of one device with the chart on which they are marked. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'corrections',
  title: { zh: '数据订正', en: 'Corrections' },
  right: 'corrections.read',
  nav: { href: '/corrections', icon: 'M4 20h16M14 4l5 5-9 9H5v-5z', order: 75 },
  routes: [
    route('/corrections', () => import('./page.tsx')),
    route('/corrections/devices/:id', () => import('./correct.tsx')),
  ],
};
