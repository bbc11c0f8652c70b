/** The borders that the county's map is drawn from. */
import { route, type Topic } from '#kit/topics/topic.ts';

export const topic: Topic = {
  name: 'borders',
  title: { zh: '地图边界', en: 'Borders of the map' },
  right: 'areas.import',
  routes: [route('/map/borders', () => import('./page.tsx'))],
};
