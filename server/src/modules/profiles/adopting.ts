/** What a checked file would mean here, and letting it wait for the next start. */
import type * as api from '@village/api';
import { formatTime, OperationalError } from '@village/core';
import { type Claim, claimOf, type DeviceProfile } from '@village/device-profiles';
import type { Call, Caller } from '@village/platform';
import type { WaitingProfile } from '@village/registry';
import type { Needs } from '../needs.ts';
import { type Compared, checkProfile, typeIn } from './checker.ts';
import { hereOf, stateOf, viewChanges } from './here.ts';

interface Examined {
  readonly checked: Compared;
  readonly running: string | null;
  readonly waiting: WaitingProfile | null;
  readonly answer: api.profiles.CheckedProfile;
}

/** What the types other than one have to themselves from the next start on, as far as it is known. */
export function claimsBeside(
  { profiles, folderProfiles }: Pick<Needs, 'profiles' | 'folderProfiles'>,
  type: string,
  waiting: readonly WaitingProfile[],
): Claim[] {
  const next = new Map<string, DeviceProfile | undefined>(profiles);
  // Of what waits only its text is there, unless it is one that goes.
  for (const { profile } of waiting) next.set(profile, undefined);
  for (const { profile, text } of waiting)
    if (text === null) next.set(profile, folderProfiles.get(profile));
  next.delete(type);
  return [...next.values()].flatMap((profile) => (profile && claimOf(profile)) ?? []);
}

/** Checks a file, and holds it against what is here; names are told within the scope of whoever asks. */
export async function examine(needs: Needs, text: string, scope: string): Promise<Examined> {
  const { profiles, ownProfiles } = needs;
  const type = typeIn(text);
  const waitingNow = await ownProfiles.waiting();
  const waiting = waitingNow.find(({ profile }) => profile === type) ?? null;
  const running = profiles.get(type);
  const here = await hereOf(needs, type, scope);
  const checked = await checkProfile({
    ...{ text, type, options: here.options },
    running: running?.source.text ?? null,
    claims: claimsBeside(needs, type, waitingNow),
    waiting: waitingNow.flatMap((one) => (one.profile === type ? [] : (one.text ?? []))),
  });
  const { faults, profile, changes } = checked;
  const known =
    profile === null || running === undefined
      ? null
      : {
          revision: running.revision,
          devices: here.devices,
          lost: changes.flatMap(({ what, subject }) => (what === 'metric-lost' ? [subject] : [])),
          changes: viewChanges(changes, here.devices),
          gateways: [...here.gateways],
        };
  const state = stateOf(running?.source.text ?? null, waiting);
  // With faults there is no type to speak of.
  const told = faults.length > 0 ? { profile: null, known: null } : { profile, known };
  return {
    ...{ checked, running: running?.source.text ?? null, waiting },
    answer: { faults, ...told, state, waits: waiting !== null },
  };
}

type Asked = {
  readonly caller: Caller;
  readonly query: { readonly seen: string; readonly losses?: 'wanted' };
} & Pick<Call, 'audited'>;

/** Why devices keep a change from being made; null when nothing does, or it is wanted. */
export function whyBroken(
  changes: api.profiles.ProfileRemoval['changes'],
  losses: 'wanted' | undefined,
): api.profiles.Refused | null {
  const never = changes.some(({ mayBeWanted }) => !mayBeWanted);
  if (!never && (changes.length === 0 || losses === 'wanted')) return null;
  const errors = changes.map(({ what, subject, detail }) => ({
    path: subject,
    message: detail === '' ? what : `${what}: ${detail}`,
  }));
  const detail = never
    ? 'devices that run could not go on with it'
    : 'devices that run would lose something: say losses=wanted where that is wanted';
  return { code: 'would-break', detail, errors };
}

/** Lets a file wait for the next start, when it is sound and what it breaks is wanted. */
export async function adopt(
  needs: Needs,
  text: string,
  { caller, query, audited }: Asked,
): Promise<{ adopted: api.profiles.AdoptedProfile } | { refused: api.profiles.Refused }> {
  const { answer, running, waiting } = await examine(needs, text, caller.area);
  const { faults, profile, known, state } = answer;
  if (profile === null) {
    const errors = faults.map(({ line, column, path, message, zh }) => ({
      path: `${line === null ? '' : `${line}:${column ?? 1} `}${path}`,
      message: `${zh} · ${message}`,
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
  const refused = whyBroken(breaks, query.losses);
  if (refused !== null) return { refused };
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
