/** Plays a planned county on ports that are free, and writes into the plan's files when these are not the planned ones. */
import { OperationalError } from '@village/core';
import type { CountyPlan } from '../county/county-plan.ts';
import { movePortsInFiles } from '../county/plan-files.ts';

/** First port tried when the planned ones are taken. */
const FIRST = 15_020;
/** Above, systems give ports to outgoing connections (Linux from 32,768 on). */
const LAST = 32_000;
/** Plans of small counties begin at least this far apart. */
const STEP_MIN = 20;

/** The ports on which the plan's devices listen; null when none does. */
export function portsOf(plan: CountyPlan): { first: number; count: number } | null {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { wire } of plan.devices) {
    if (wire.port === undefined) continue;
    first = Math.min(first, wire.port);
    last = Math.max(last, wire.port);
  }
  return last === 0 ? null : { first, count: last - first + 1 };
}

/** The same county with its ports beginning elsewhere. */
export function movePorts(plan: CountyPlan, first: number): CountyPlan {
  const by = first - (portsOf(plan)?.first ?? first);
  if (by === 0) return plan;
  const devices = plan.devices.map((device) => {
    const { port } = device.wire;
    return port === undefined ? device : { ...device, wire: { ...device.wire, port: port + by } };
  });
  return { ...plan, devices };
}

/**
 * Starts the play on the planned ports, or on the next ones that are all free: `play` binds them, so that two counties
 * started at once can't both believe to have them. Says whether the ports are others than the files said.
 * @throws port-taken when there is no free row of ports
 */
export async function playOnFreePorts<T>(
  plan: CountyPlan,
  folder: string,
  play: (plan: CountyPlan) => Promise<T>,
): Promise<{ played: T; first: number | null; moved: boolean }> {
  const planned = portsOf(plan);
  if (planned === null) return { played: await play(plan), first: null, moved: false };
  const step = Math.max(planned.count, STEP_MIN);
  const candidates = [planned.first];
  for (let first = FIRST; first + planned.count <= LAST; first += step) candidates.push(first);
  for (const first of candidates) {
    try {
      const played = await play(movePorts(plan, first));
      const moved = first !== planned.first;
      if (moved) movePortsInFiles(folder, planned, first);
      return { played, first, moved };
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== 'port-taken') throw error;
    }
  }
  throw new OperationalError(
    'port-taken',
    `There are no ${planned.count} free ports in a row from ${FIRST} to ${LAST} for the devices`,
  );
}
