/**
 * Housekeeping beside the requests: states each second, gateways each minute, sessions each hour, the archive and
 * the audit log at night.
 */
import {
  BEIJING_OFFSET_MS,
  DAY,
  formatTime,
  HOUR,
  MINUTE,
  SECOND,
  type Timer,
} from '@village/core';
import { registryStore } from '@village/registry';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from './config.ts';
import type { Context } from './http/context.ts';
import { loop } from './loop.ts';

const NIGHT_MS = 2 * HOUR;
/** How soon a directory that could not be loaded is loaded again: what it holds may be rights taken away. */
const RELOAD_MS = 2 * SECOND;

/** Milliseconds from `now` to the next 02:00 in Beijing. */
export function untilNight(now: number): number {
  const sinceMidnight = (now + BEIJING_OFFSET_MS) % DAY;
  return (NIGHT_MS - sinceMidnight + DAY) % DAY || DAY;
}

/** Runs all repeated work until the signal; resolves when what was under way has ended. */
export async function keepHouse(
  context: Context,
  timer: Timer,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): Promise<void> {
  const { directory, live, relational, failures } = context;
  const keep = (kind: string, wait: () => number, run: () => void | Promise<void>): Promise<void> =>
    loop({
      timer,
      signal,
      wait,
      run,
      failed: (error) => {
        failures[kind] = (failures[kind] ?? 0) + 1;
        log.error({ err: error, kind }, 'repeated work failed; it goes on');
      },
    });
  const saved = new Map<string, number>();
  await Promise.all([
    keep(
      'states',
      () => SECOND,
      () => live.tick(directory.tick(timer.now(), context.pipeline.takeStored())),
    ),
    keep(
      'directory',
      () => RELOAD_MS,
      () => directory.reload(timer.now()),
    ),
    keep(
      'gateways',
      () => MINUTE,
      () => saveGateways(context, saved),
    ),
    keep(
      'sessions',
      () => HOUR,
      async () => {
        await relational.people.clean();
      },
    ),
    keep(
      'archive',
      () => untilNight(timer.now()),
      () => tidyArchive(context, log),
    ),
    keep(
      'backup',
      // An hour after the archive.
      () => untilNight(timer.now() - HOUR),
      () => {
        if (context.config.backup.nightly) context.backups.start();
      },
    ),
    keep(
      'audit',
      () => untilNight(timer.now()),
      () => trimAudit(context, log),
    ),
  ]);
}

/** Keeps what gateways said last over a restart; only what was said since the last time is written. */
async function saveGateways(context: Context, saved: Map<string, number>): Promise<void> {
  for (const state of context.pipeline.gateways().values()) {
    // A gateway that was never registered has no row to hang its status on.
    if (saved.get(state.id) === state.at) continue;
    if (context.directory.holder(state.id)?.kind !== 'gateway') continue;
    await registryStore(context.relational).saveGatewayStatus({
      gateway: state.id,
      online: state.online,
      at: state.at,
      body: { ...state },
    });
    saved.set(state.id, state.at);
  }
}

/** What is deleted is counted, and the log says itself that it was cut. */
export async function trimAudit(
  {
    relational,
    config,
    clock,
    trimmed,
  }: Pick<Context, 'relational' | 'clock' | 'trimmed'> & { config: Pick<Config, 'audit'> },
  log: Pick<FastifyBaseLogger, 'info'>,
): Promise<void> {
  const before = clock() - config.audit.retention;
  const deleted = await relational.audit.trim(before);
  if (deleted === 0) return;
  trimmed.audit += deleted;
  log.info({ deleted }, 'old audit entries deleted');
  await relational.audit.append({
    actor: 'server',
    address: '',
    action: 'trim-audit',
    target: '',
    outcome: 'done',
    detail: { deleted, before: formatTime(before) },
  });
}

async function tidyArchive(context: Context, log: FastifyBaseLogger): Promise<void> {
  const { store, config, clock } = context;
  const { compacted: merged } = await store.compact(clock());
  log.info({ merged }, 'archive merged');
  const { retention } = config.store;
  if (retention === undefined) return;
  const { files } = await store.retain(clock() - retention);
  log.info({ files }, 'old archive files deleted');
}
