/** All topics of the console. The bundler finds them: a folder of `pages/` with a `topic.ts` is one, and listed nowhere else. */
import { faultsOf } from '#kit/topics/routes.ts';
import type { Topic } from '#kit/topics/topic.ts';

const found = import.meta.glob<Topic>('./pages/*/topic.ts', { eager: true, import: 'topic' });

export const topics: readonly Topic[] = Object.values(found);

const faults = faultsOf(topics);
if (faults.length > 0) throw new Error(`BUG: ${faults.join('; ')}`);
