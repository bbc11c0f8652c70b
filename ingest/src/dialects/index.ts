/** The dialects that this server understands, in the order in which they are asked for a topic. */
import type { DialectFactory } from './dialect.ts';
import { profileDialect } from './profile/index.ts';
import { villageDialect } from './village/index.ts';

export const builtinDialects: readonly DialectFactory[] = [villageDialect, profileDialect];
