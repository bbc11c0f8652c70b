/** A figure opened to what it was computed from. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'figures',
  title: { zh: '指标依据', en: 'What a figure rests on' },
  right: 'figures.read',
  routes: [
    route('/devices/:id/figures', () => import('./page.tsx')),
    route('/areas/:code/figures', () => import('./area.tsx')),
  ],
};
