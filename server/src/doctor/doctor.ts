/**
 * `npm run serve -- doctor`: looks at an installation, running or not, and says of each part how it stands and what to do. It
 * changes nothing, and what one check runs into keeps none of the others.
 */
import { OperationalError, systemTimer, timerFromText } from '@village/core';
import { inspectConfig } from '../config/config.ts';
import { backups } from './checks/backups.ts';
import { certificates } from './checks/certificates.ts';
import { clock, sync } from './checks/clock.ts';
import { configuration, environment, secrets } from './checks/configuration.ts';
import { types } from './checks/device-types.ts';
import { room, speed } from './checks/disk.ts';
import { exportsFolder, folder, owner } from './checks/permissions.ts';
import { ports } from './checks/ports.ts';
import { engine, node } from './checks/program.ts';
import { findServer, service } from './checks/service.ts';
import { archive, database, journal } from './checks/stores.ts';
import {
  type Both,
  both,
  type Check,
  type Finding,
  fault,
  type Patient,
  reasonOf,
  type State,
} from './finding.ts';

const CHECKS: readonly Check[] = [
  node,
  configuration,
  environment,
  secrets,
  folder,
  owner,
  exportsFolder,
  room,
  speed,
  clock,
  sync,
  service,
  ports,
  certificates,
  engine,
  database,
  types,
  journal,
  archive,
  backups,
];

/** How long one check may take; proving all files has no end of its own. */
const CHECK_MS = 60_000;

async function within(check: Check, patient: Patient): Promise<readonly Finding[]> {
  const tooLong = Promise.withResolvers<readonly Finding[]>();
  const timer = setTimeout(() => {
    const text = both(
      `${CHECK_MS / 1000} 秒内未完成`,
      `not done within ${CHECK_MS / 1000} seconds`,
    );
    tooLong.resolve([
      fault(
        check.name,
        text,
        both('检查磁盘和网络是否卡住', 'see whether the disk or the network hangs'),
      ),
    ]);
  }, CHECK_MS);
  if (patient.full) clearTimeout(timer);
  try {
    // A check that throws at once is caught as one that fails later.
    return await Promise.race([tooLong.promise, (async () => check.run(patient))()]);
  } catch (error) {
    return [
      fault(
        check.name,
        both(`无法检查：${reasonOf(error)}`, `can't be looked at: ${reasonOf(error)}`),
        both('按所述原因处理后再诊断', 'see to the reason, then ask again'),
      ),
    ];
  } finally {
    clearTimeout(timer);
  }
}

/** All checks, one after the other: what they measure must not disturb each other. */
export async function examine(patient: Patient, checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) findings.push(...(await within(check, patient)));
  return findings;
}

const RANK: Readonly<Record<State, number>> = { ok: 0, warning: 1, fault: 2 };
const MARKS: Readonly<Record<State, string>> = {
  ok: '✓ 正常 ok     ',
  warning: '! 警告 warning',
  fault: '✗ 故障 fault  ',
};

const worst = (findings: readonly Finding[]): State =>
  findings.reduce<State>((so, { state }) => (RANK[state] > RANK[so] ? state : so), 'ok');

/** Of the check that a finding is of; `port-http` is one of `ports`. */
function titleOf(name: string): Both {
  const found =
    CHECKS.find((check) => check.name === name) ??
    CHECKS.find((check) => name.startsWith(`${check.name.replace(/s$/, '')}-`));
  return found?.title ?? both(name, name);
}

/** One line. */
export function lineOf({ name, state, found, advice }: Finding): string {
  const zh = `${titleOf(name).zh}：${found.zh}${advice === null ? '' : ` → ${advice.zh}`}`;
  const en = `${found.en}${advice === null ? '' : ` → ${advice.en}`}`;
  return `${MARKS[state]} ${name}  ${zh} · ${en}`;
}

function say(findings: readonly Finding[], json: boolean, print: (line: string) => void): void {
  const state = worst(findings);
  if (json) {
    print(JSON.stringify({ state, findings }, null, 2));
    return;
  }
  for (const finding of findings) print(lineOf(finding));
  const count = (of: State): number => findings.filter((one) => one.state === of).length;
  print(
    `共 ${findings.length} 项：${count('fault')} 个故障，${count('warning')} 个警告 · ${findings.length} looked at: ` +
      `${count('fault')} faults, ${count('warning')} warnings`,
  );
}

/** The time by `VILLAGE_CLOCK`, or the machine's where that says nothing usable. */
function timeOf(env: NodeJS.ProcessEnv): number {
  try {
    return timerFromText(env['VILLAGE_CLOCK']).now();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return systemTimer.now();
  }
}

/** Returns the exit code: 0 when all is well, 1 with warnings, 2 with faults. */
export async function doctor({
  env,
  cwd,
  json,
  full,
  without = [],
  print,
}: {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly json: boolean;
  readonly full: boolean;
  /** Names of checks that are left out. */
  readonly without?: readonly string[];
  readonly print: (line: string) => void;
}): Promise<number> {
  const inspected = inspectConfig(env, cwd);
  const running = await findServer(inspected.config);
  const checks = CHECKS.filter(({ name }) => !without.includes(name));
  const findings = await examine({ ...inspected, now: timeOf(env), running, full }, checks);
  say(findings, json, print);
  return RANK[worst(findings)];
}
