/** What a checked file would mean here, and letting it wait for the next start. */
import { createHash } from 'node:crypto';
import type * as api from '@village/api';
import { formatTime, OperationalError } from '@village/core';
import type { Call, Caller } from '@village/platform';
import type { WaitingProfile } from '@village/registry';
import type { Needs } from '../needs.ts';
import { type Compared, checkProfile, type ToCheck, typeIn } from './checker.ts';

/** Different sets of options that devices of a type have. */
const OPTION_SETS_MAX = 500;
const GATEWAYS_MAX = 100;
/** What may be wanted although devices run: they go on sending, and what is lost is said. */
const MAY_BE_WANTED: ReadonlySet<string> = new Set(['metric-lost', 'event-lost', 'kind-other']);

/** What is here of a type. */
interface Here {
  readonly devices: number;
  readonly gateways: readonly string[];
  readonly options: ToCheck['options'];
}

function hereOf({ directory }: Needs, type: string): Here {
  const options = new Map<string, ToCheck['options'][number]>();
  const gateways = new Set<string>();
  let devices = 0;
  for (const id of directory.ids()) {
    const entry = directory.known(id);
    if (entry === undefined || entry.profile.id !== type) continue;
    devices++;
    const { gateway, options: set } = entry.device;
    if (gateway !== null) gateways.add(gateway);
    const key = JSON.stringify(set);
    if (options.size < OPTION_SETS_MAX && !options.has(key))
      options.set(key, { device: id, options: set });
  }
  return { devices, gateways: [...gateways].sort(), options: [...options.values()] };
}

/** A word for what is in force and what waits of a type: whoever changes it names the one that they saw. */
const stateOf = (running: string | null, waiting: string | null): string =>
  createHash('sha256')
    .update(JSON.stringify([running, waiting]))
    .digest('hex')
    .slice(0, 32);

interface Examined {
  readonly checked: Compared;
  readonly running: string | null;
  readonly waiting: string | null;
  readonly answer: api.profiles.CheckedProfile;
}

/** Checks a file, and holds it against what is here. */
export async function examine(needs: Needs, text: string): Promise<Examined> {
  const { profiles, ownProfiles } = needs;
  const type = typeIn(text);
  const waitingNow = await ownProfiles.waiting();
  const waiting = waitingNow.find(({ profile }) => profile === type)?.text ?? null;
  const waitingIds = new Set(waitingNow.map(({ profile }) => profile));
  const running = profiles.get(type);
  const here = hereOf(needs, type);
  const checked = await checkProfile({
    ...{ text, type, options: here.options },
    running: running?.source.text ?? null,
    others: [
      ...[...profiles.values()]
        .filter(({ id }) => !waitingIds.has(id))
        .map(({ id, protocol, source }) => ({ id, protocol, text: source.text })),
      ...waitingNow.map(({ profile: id, text: own }) => ({ id, protocol: null, text: own })),
    ],
  });
  const { faults, profile, changes } = checked;
  const known =
    profile === null || running === undefined
      ? null
      : {
          revision: running.revision,
          devices: here.devices,
          lost: changes.flatMap(({ what, subject }) => (what === 'metric-lost' ? [subject] : [])),
          changes: changes.map((change) => ({
            ...change,
            mayBeWanted: here.devices === 0 || MAY_BE_WANTED.has(change.what),
          })),
          gateways: here.gateways.slice(0, GATEWAYS_MAX),
        };
  const state = stateOf(running?.source.text ?? null, waiting);
  // With faults there is no type to speak of.
  const told = faults.length > 0 ? { profile: null, known: null } : { profile, known };
  return {
    ...{ checked, running: running?.source.text ?? null, waiting },
    answer: { faults, ...told, state, waits: waiting !== null },
  };
}

/** What waits, as it is told. */
export async function listWaiting({
  ownProfiles,
}: Needs): Promise<{ items: api.profiles.WaitingProfile[] }> {
  const view = ({ profile, actor, at }: WaitingProfile): api.profiles.WaitingProfile => ({
    ...{ profile, actor, at },
    fault: ownProfiles.faultOf(profile),
  });
  return { items: (await ownProfiles.waiting()).map(view) };
}

/** Lets a file wait for the next start, when it is sound and what it breaks is wanted. */
export async function adopt(
  needs: Needs,
  text: string,
  {
    caller,
    query,
    audited,
  }: { caller: Caller; query: { seen: string; losses?: 'wanted' } } & Pick<
    Call<typeof api.profiles.adopt>,
    'audited'
  >,
): Promise<{ adopted: api.profiles.AdoptedProfile } | { refused: api.profiles.Refused }> {
  const { answer, running, waiting } = await examine(needs, text);
  const { faults, profile, known, state } = answer;
  if (profile === null) {
    const errors = faults.map(({ line, column, path, message }) => ({
      path: `${line === null ? '' : `${line}:${column ?? 1} `}${path}`,
      message,
    }));
    return { refused: { code: 'profile-faults', detail: 'the file has faults', errors } };
  }
  if (query.seen !== state)
    throw new OperationalError(
      'changed-meanwhile',
      `${profile.id} is not what it was when it was checked: check the file again`,
    );
  if (text === running)
    throw new OperationalError('not-waiting', `${profile.id} is in force with this very text`);
  const breaks = known !== null && known.devices > 0 ? known.changes : [];
  const never = breaks.filter(({ mayBeWanted }) => !mayBeWanted);
  if (never.length > 0 || (breaks.length > 0 && query.losses !== 'wanted')) {
    const errors = breaks.map(({ what, subject, detail }) => ({
      path: subject,
      message: detail === '' ? what : `${what}: ${detail}`,
    }));
    const detail =
      never.length > 0
        ? 'devices that run could not go on with it'
        : 'devices that run would lose something: say losses=wanted where that is wanted';
    return { refused: { code: 'would-break', detail, errors } };
  }
  const at = formatTime(needs.clock());
  const row = { profile: profile.id, text, actor: caller.actor, at };
  const detail = {
    revision: profile.revision,
    devices: known?.devices ?? 0,
    losses: breaks.length,
  };
  await needs.ownProfiles.put(row, waiting, audited('adopt-profile', profile.id, detail));
  return {
    adopted: {
      profile: profile.id,
      revision: profile.revision,
      holds: 'after-restart',
      gateways: known === null ? [] : [...known.gateways],
    },
  };
}
