/** `npm run serve -- check-figures`: proves that stored figures equal computing them again. A running server does it itself when asked. */
import { randomUUID } from 'node:crypto';
import { MINUTE, OperationalError, SECOND } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import {
  Ages,
  type AnyFigure,
  AreaSources,
  areaOf,
  askCheck,
  type CheckResult,
  type Command,
  CorrectedQueries,
  Corrections,
  catchUp,
  checkFigures,
  checkState,
  dayStart,
  figuresBy,
  isAreaKey,
  Marks,
  Sources,
  statementsOf,
  withdrawCheck,
} from '@village/platform';
import { Directory, OwnProfiles } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { standardsOf } from '../../standards.ts';
import type { Tools } from '../needs.ts';

const LOOK_MS = SECOND;
/** How long a server may take to begin. */
const BEGIN_MS = MINUTE;

/** The day as people write it; its number where a damaged row names none. */
function dayName(day: number): string {
  const end = new Date(dayStart(day + 1) - 1);
  return Number.isNaN(end.getTime()) ? `#${day}` : end.toISOString().slice(0, 10);
}

function tell(
  { checked, waiting, differing, differences }: CheckResult,
  say: Tools['say'],
): boolean {
  for (const { figure, device, day, stored, computed } of differences)
    say(
      `  ${figure} ${isAreaKey(device) ? areaOf(device) : device} ${dayName(day)}: ` +
        `已存 stored ${stored.join(' ')}，重算 computed ${computed.join(' ')}`,
    );
  if (differing > differences.length) say(`  … ${differing - differences.length}`);
  say(
    `已核对 ${checked} 个指标日，待计算 ${waiting}，不一致 ${differing} · days of figures checked: ${checked}, ` +
      `to be computed: ${waiting}, differing: ${differing}`,
  );
  return differing === 0;
}

/** Over the stores of a server that does not run; what it had not marked when it ended is marked first. */
async function checkHere(
  { config, timer }: Tools,
  { store, relational }: { store: TimeSeriesStore; relational: Relational },
  figures: readonly AnyFigure[],
): Promise<CheckResult> {
  const { profiles } = loadCatalog([builtinCatalog, ...config.catalogs]);
  await new OwnProfiles(relational).add(profiles);
  const directory = new Directory({ relational, store, profiles, log: () => undefined });
  await directory.load(timer.now());
  const corrections = new Corrections({
    ...{ relational, store, clock: timer.now, facts: () => undefined },
    failed: (_kind, error) => {
      throw error;
    },
  });
  await corrections.load();
  const rows = new CorrectedQueries(store, () => corrections.book, {
    locations: (id) => directory.locations(id),
    profile: (id) => directory.known(id)?.profile.id,
    count: () => directory.count(),
  });
  const statements = statementsOf(() => corrections.book);
  const sources = new Sources({ rows, statements, relational, profiles });
  const marks = new Marks({
    ...{ relational, store, timer, statements },
    said: () => corrections.said(),
  });
  await catchUp(store, marks);
  const areas = new AreaSources({ sources, relational, clock: timer.now });
  const ages = new Ages({ timer, devices: () => directory.ids(), latest: store.latest });
  return checkFigures(
    {
      ...{ figures, sources, areas, relational, marks },
      since: ages.before(config.store.retention),
    },
    { signal: new AbortController().signal, progress: () => undefined },
  );
}

/** Through the database, where the server that runs looks for what is asked. */
async function checkThere({ timer, say }: Tools, relational: Relational): Promise<CheckResult> {
  const id = randomUUID();
  await askCheck(relational, id, timer.now());
  say('服务正在运行，由它核对 · a server runs and does it itself');
  const asked = timer.elapsed();
  for (;;) {
    await timer.sleep(LOOK_MS);
    const now = await checkState(relational, id);
    if (now?.state === 'ended') return now;
    if (now?.state === 'running') continue;
    if (now?.state === 'asked' && timer.elapsed() - asked < BEGIN_MS) continue;
    await withdrawCheck(relational, id);
    throw new OperationalError(
      'figures-check-failed',
      now?.fault ?? 'the server has not begun the check in a minute',
    );
  }
}

/** The command, for the figures that the modules of the server have. */
export const checkFiguresCommand = (figures: readonly AnyFigure[]): Command<Tools> => ({
  name: 'check-figures',
  help: 'proves that stored figures equal computing them again',
  run: async (tools) => {
    let found: CheckResult;
    try {
      const own = figuresBy(figures, standardsOf(tools.config));
      found = await tools.withStores((stores) => checkHere(tools, stores, own));
    } catch (error) {
      if ((error as { code?: string }).code !== 'store-in-use') throw error;
      found = await tools.withRelational((relational) => checkThere(tools, relational));
    }
    return tell(found, tools.say);
  },
});
