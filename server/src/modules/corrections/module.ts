/** The module of corrections: statements about readings, tried before, agreed to by a second person, and taken back. */
import { corrections as api } from '@village/api';
import { formatTime, MINUTE, OperationalError, SECOND } from '@village/core';
import {
  type AnyRoute,
  AreaSources,
  type Author,
  answer,
  type Call,
  type Caller,
  CORRECTIONS_CHANNEL,
  cursorOf,
  defineModule,
  metricGroup,
  notFound,
  openCursor,
  preview,
  route,
  type Saying,
  Sources,
  type Statement,
  type StoredStatement,
  span,
  statementsOf,
  Turns,
  type TurnsOptions,
} from '@village/platform';
import { areaRefOf } from '@village/registry';
import type { Static } from 'typebox';
import { areaFor, deviceFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';
import { figureChanges } from './figures.ts';

/** How often it is looked whether another process has changed what holds, beside being told. */
const FOLLOW_MS = 2 * SECOND;
/** Each preview holds pages of readings, and the archive answers two questions at a time. */
const PREVIEWS: Omit<TurnsOptions, 'timer'> = {
  running: 2,
  runningOfOne: 1,
  waiting: 200,
  waitingOfOne: 10,
  waitMs: 60_000,
  refusal: {
    code: 'busy',
    message: 'other previews are being made: try again in a moment, or with less time',
  },
};

const deed = ({ by, at }: { by: string; at: number }) => ({ by, at: formatTime(at) });

/** A statement with what the asker may know of its devices. */
function view({ directory }: Needs, { area }: Caller, one: StoredStatement): api.Correction {
  const entry = directory.entry(area, one.device)?.device;
  const other = one.target === null ? undefined : directory.entry(area, one.target)?.device;
  const { id, kind, device, metric, value, target, reason, by, state, activated, undone } = one;
  return {
    ...{ id, kind, device, metric, value, target, reason, by, state },
    deviceName: entry?.name ?? null,
    profile: entry?.profile ?? null,
    targetName: other?.name ?? null,
    from: formatTime(one.from),
    to: formatTime(one.to),
    at: formatTime(one.at),
    secondPerson: one.second,
    activated: activated === null ? null : deed(activated),
    undone: undone === null ? null : { ...deed(undone), why: undone.why },
  };
}

/** What is said, of devices that the caller sees. @throws not-found bad-time */
function sayingOf(
  { directory }: Needs,
  caller: Caller,
  body: Static<typeof api.TriedCorrection>,
): Saying {
  const { kind, device, metric = null, value = null, target = null } = body;
  deviceFor(directory, caller, device);
  if (target !== null) deviceFor(directory, caller, target);
  return { kind, device, metric, value, target, ...span(body) };
}

const authorOf = ({ caller, audited }: Pick<Call, 'caller' | 'audited'>): Author => ({
  by: caller.actor,
  audited,
});

/** Only people agree to what somebody else has said. */
function expectPerson({ session }: Caller): void {
  if (session === null)
    throw new OperationalError('forbidden', 'a person has to be signed in for this, no machine');
}

/** A statement about a device that the caller sees, to be changed by him. @throws not-found forbidden */
async function statementFor(
  { corrections, directory }: Needs,
  caller: Caller,
  id: string,
): Promise<StoredStatement> {
  const statement = (await corrections.byId(Number(id))) ?? notFound('correction');
  const { device, target } = statement;
  if (directory.entry(caller.area, device) === undefined) notFound('correction');
  if (target !== null && directory.entry(caller.area, target) === undefined)
    throw new OperationalError('forbidden', `it also changes ${target}, which is not in your area`);
  return statement;
}

function listRoute(needs: Needs): AnyRoute {
  const { corrections, directory } = needs;
  return route(api.list, async ({ caller, query }) => {
    const { limit = 100, cursor, device, area, by, state } = query;
    if (area !== undefined) areaFor(directory, caller, area);
    if (device !== undefined) deviceFor(directory, caller, device);
    const before = openCursor(cursor, ['number'])?.[0] as number | undefined;
    const found = await corrections.list({
      scope: caller.area,
      limit: limit + 1,
      ...(device === undefined ? {} : { device }),
      ...(area === undefined ? {} : { area }),
      ...(by === undefined ? {} : { by }),
      ...(state === undefined ? {} : { state }),
      ...(before === undefined ? {} : { before }),
    });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = last === undefined || found.length <= limit ? null : cursorOf(last.id);
    return { items: items.map((one) => view(needs, caller, one)), next };
  });
}

function previewRoute(needs: Needs): AnyRoute {
  const { corrections, fair, directory, relational, profiles, clock, readings, timer } = needs;
  const turns = new Turns({ ...PREVIEWS, timer });
  const statements = statementsOf(() => corrections.book);
  const sources = new Sources({ rows: readings.corrected, statements, relational, profiles });
  const areas = new AreaSources({ sources, relational, clock });
  return route(api.preview, async ({ caller, body, signal }) => {
    const saying = sayingOf(needs, caller, body);
    corrections.check(saying);
    const other = await corrections.contradicted(saying);
    const { book } = corrections;
    const tried: Statement = { ...saying, id: Number.MAX_SAFE_INTEGER };
    const metrics = saying.metric === null ? undefined : [saying.metric];
    const books = [book, book.with(tried)] as const;
    // Other statements may give its readings to devices that are not the caller's to see.
    const reach = book
      .reach(saying)
      .filter(({ device }) => directory.entry(caller.area, device) !== undefined);
    const sees = (area: string): boolean => directory.area(caller.area, area) !== undefined;
    const [seen, changes] = await turns.run(
      caller.actor,
      async () =>
        [
          await preview(fair, books, reach, metrics, signal),
          await figureChanges(needs, areas, books, reach, sees, signal),
        ] as const,
      signal,
    );
    const { samples, hours, days, more, ...counts } = seen;
    const named = new Set([...changes.figures, ...changes.areas].map(({ figure }) => figure));
    const timed = <T extends { readonly at: number }>(one: T) => ({
      ...one,
      at: formatTime(one.at),
    });
    const bucket = (one: (typeof hours)[number]) => ({
      ...timed(one),
      before: one.before === null ? null : { ...one.before },
      after: one.after === null ? null : { ...one.after },
    });
    return {
      ...counts,
      secondPerson: corrections.needsSecond(saying),
      contradicts: other?.id ?? null,
      samples: samples.map(timed),
      hours: hours.map(bucket),
      days: days.map(bucket),
      figures: changes.figures.map((one) => ({
        ...timed(one),
        completeness: { ...one.completeness },
      })),
      areas: changes.areas.flatMap((one) => {
        const node = directory.area(caller.area, one.area);
        if (node === undefined) return [];
        const { before, after } = one;
        return [
          { ...timed(one), area: areaRefOf(node), before: { ...before }, after: { ...after } },
        ];
      }),
      definitions: needs.figures
        .filter(({ id }) => named.has(id))
        .map(({ id, title, span: length, keep, unit }) => ({
          ...{ figure: id, title: { ...title }, span: length, keep, unit },
        })),
      more: { ...more, figures: changes.more.figures, areas: changes.more.areas },
      unseen: { days: changes.daysLeft, areas: changes.more.unseen },
      reports: [],
    };
  });
}

function changeRoutes(needs: Needs): AnyRoute[] {
  const { corrections, rights, directory } = needs;
  return [
    route(api.propose, async (call) => {
      const saying = sayingOf(needs, call.caller, call.body);
      const made = await corrections.propose(saying, call.body.reason, authorOf(call));
      return answer(201, view(needs, call.caller, made));
    }),
    route(api.approve, async (call) => {
      expectPerson(call.caller);
      const { id } = await statementFor(needs, call.caller, call.params.id);
      return view(needs, call.caller, await corrections.approve(id, authorOf(call)));
    }),
    route(api.undo, async (call) => {
      const { caller, body } = call;
      const statement = await statementFor(needs, caller, call.params.id);
      const { id, by } = statement;
      const held = rights.of(caller.role, directory.isTop(caller.area));
      const own = by === caller.actor && !corrections.undoneByAnother(statement);
      if (!own && !held.includes('corrections.approve'))
        throw new OperationalError('forbidden', 'this needs the right corrections.approve');
      if (!own) expectPerson(caller);
      return view(needs, caller, await corrections.undo(id, body.why ?? null, authorOf(call)));
    }),
  ];
}

export const correctionsModule = defineModule<Needs>({
  name: 'corrections',
  title: { zh: '数据订正', en: 'Corrections' },
  rights: {
    'corrections.read': {
      title: { zh: '查看数据订正', en: 'See corrections' },
      roles: ['clerk', 'officer', 'admin'],
    },
    'corrections.propose': {
      title: { zh: '提出数据订正', en: 'Propose corrections' },
      roles: ['officer', 'admin'],
    },
    'corrections.approve': {
      title: { zh: '审批数据订正', en: 'Approve corrections' },
      roles: ['officer', 'admin'],
    },
  },
  start: (needs) => {
    const { corrections, relational, failed } = needs;
    const stopListening = relational.listen(CORRECTIONS_CHANNEL, () => {
      corrections.follow().catch((error: unknown) => failed('corrections', error));
    });
    return {
      routes: [listRoute(needs), previewRoute(needs), ...changeRoutes(needs)],
      metrics: [
        metricGroup(
          () => corrections.book,
          [
            {
              kind: 'gauge',
              name: 'corrections_active',
              help: 'Corrections that hold',
              value: (book) => book.size,
            },
            {
              kind: 'counter',
              name: 'corrections_steps_total',
              help: 'Corrections activated and undone',
              value: (book) => book.number,
            },
          ],
        ),
      ],
      ticks: [
        { kind: 'corrections', everyMs: FOLLOW_MS, run: () => corrections.keepUp() },
        // What the journal could not take when it was said.
        { kind: 'note-corrections', everyMs: MINUTE, run: () => corrections.noteAll() },
      ],
      close: stopListening,
    };
  },
});
