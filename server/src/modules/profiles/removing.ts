/** Where the files of device types come from, what waits for the next start, and removing what was taken in. */
import type * as api from '@village/api';
import { formatTime, OperationalError } from '@village/core';
import { builtinCatalog, type DeviceProfile } from '@village/device-profiles';
import type { Call, Caller } from '@village/platform';
import { type OwnProfile, stillUsed, type WaitingProfile } from '@village/registry';
import type { Needs } from '../needs.ts';
import { claimsBeside, whyBroken } from './adopting.ts';
import { type Compared, checkProfile } from './checker.ts';
import { chineseOf } from './fault-words.ts';
import { type Here, hereOf, stateOf, viewChanges } from './here.ts';

const told = (message: string): { message: string; zh: string } => ({
  message,
  zh: chineseOf(message),
});

/** The folder that a file is in. */
const folderOf = ({ source }: DeviceProfile): 'product' | 'folder' =>
  source.file.startsWith(builtinCatalog) ? 'product' : 'folder';

const viewBeneath = (profile: DeviceProfile | undefined): api.profiles.ProfileSource['beneath'] =>
  profile === undefined ? null : { from: folderOf(profile), revision: profile.revision };

/** Where each type's file comes from, also of those that are not used. */
export async function listSources({
  profiles,
  folderProfiles,
  ownProfiles,
}: Needs): Promise<{ items: api.profiles.ProfileSource[] }> {
  const held = new Map((await ownProfiles.held()).map((one) => [one.profile, one]));
  const ids = new Set([...profiles.keys(), ...held.keys()]);
  return {
    items: [...ids].sort().map((profile): api.profiles.ProfileSource => {
      const own = held.get(profile);
      const beneath = folderProfiles.get(profile);
      const why = ownProfiles.whyUnused(profile);
      if (own !== undefined)
        return {
          ...{ profile, from: 'page', actor: own.actor, at: own.at },
          beneath: viewBeneath(beneath),
          unused: why === null ? null : told(why),
        };
      // One that another process has removed meanwhile still runs here.
      const from = beneath === undefined ? 'page' : folderOf(beneath);
      return { profile, from, actor: null, at: null, beneath: null, unused: null };
    }),
  };
}

/** What waits, as it is told. */
export async function listWaiting({
  ownProfiles,
  profiles,
}: Needs): Promise<{ items: api.profiles.WaitingProfile[] }> {
  const view = ({ profile, text, actor, at }: WaitingProfile): api.profiles.WaitingProfile => {
    const fault = ownProfiles.faultOf(profile);
    const what = text === null ? 'remove' : profiles.has(profile) ? 'replace' : 'add';
    return {
      ...{ profile, what, actor, at, fault },
      zh: fault === null ? null : chineseOf(fault),
    };
  };
  return { items: (await ownProfiles.waiting()).map(view) };
}

/** The text of a type; null when there is none. */
export async function fileOf(
  { profiles, ownProfiles }: Needs,
  id: string,
  of: 'waiting' | undefined,
): Promise<string | null> {
  if (of === undefined) return profiles.get(id)?.source.text ?? null;
  return (await ownProfiles.waiting()).find(({ profile }) => profile === id)?.text ?? null;
}

/** What would be otherwise with what is beneath, and why it can't come back: another type has what it needs by then. */
async function backTo(
  needs: Needs,
  beneath: DeviceProfile,
  waiting: readonly WaitingProfile[],
  { options }: Here,
): Promise<Pick<Compared, 'faults' | 'changes'>> {
  const { id, source } = beneath;
  return checkProfile({
    ...{ text: source.text, type: id, options, isReturn: true },
    running: needs.profiles.get(id)?.source.text ?? null,
    claims: claimsBeside(needs, id, waiting),
    waiting: waiting.flatMap(({ profile, text }) => (profile === id ? [] : (text ?? []))),
  });
}

interface Removable {
  readonly held: OwnProfile;
  readonly before: WaitingProfile | null;
  readonly beneath: DeviceProfile | undefined;
  readonly answer: api.profiles.ProfileRemoval;
}

/** What removing a type would mean; null when none of that name was taken in. */
export async function removalOf(
  needs: Needs,
  id: string,
  scope: string,
): Promise<Removable | null> {
  const { folderProfiles, ownProfiles } = needs;
  const held = (await ownProfiles.held()).find(({ profile }) => profile === id);
  if (held === undefined) return null;
  const waiting = await ownProfiles.waiting();
  const before = waiting.find(({ profile }) => profile === id) ?? null;
  const beneath = folderProfiles.get(id);
  const { inService, retired } = await ownProfiles.devicesOf(id);
  const here = await hereOf(needs, id, scope);
  const back =
    beneath === undefined
      ? { faults: inService === 0 ? [] : [told(stillUsed(inService))], changes: [] }
      : await backTo(needs, beneath, waiting, here);
  const [why] = back.faults;
  return {
    ...{ held, before, beneath },
    answer: {
      profile: id,
      state: stateOf(held.text, before),
      waits: before !== null,
      beneath: viewBeneath(beneath),
      ...{ devices: inService, retired },
      changes: viewChanges(back.changes, inService),
      gateways: [...here.gateways],
      refused: why === undefined ? null : { message: why.message, zh: why.zh },
    },
  };
}

type Asked = {
  readonly caller: Caller;
  readonly query: { readonly seen: string; readonly losses?: 'wanted' };
} & Pick<Call, 'audited'>;

/** Lets the removal wait for the next start; null when none of that name was taken in. @throws changed-meanwhile, in-use */
export async function removeOwn(
  needs: Needs,
  id: string,
  { caller, query, audited }: Asked,
): Promise<{ gateways: string[] } | { refused: api.profiles.Refused } | null> {
  const found = await removalOf(needs, id, caller.area);
  if (found === null) return null;
  const { held, before, beneath, answer } = found;
  if (query.seen !== answer.state)
    throw new OperationalError('changed-meanwhile', `${id} is not what it was: look again`);
  if (answer.refused !== null) {
    const code = beneath === undefined ? 'in-use' : 'would-break';
    return { refused: { code, detail: answer.refused.message, errors: [] } };
  }
  const breaks = answer.devices > 0 ? answer.changes : [];
  const refused = whyBroken(breaks, query.losses);
  if (refused !== null) return { refused };
  if (beneath === undefined && answer.retired > 0 && query.losses !== 'wanted') {
    const detail = `${answer.retired} retired devices have this type, and their history is not shown without it: say losses=wanted where that is wanted`;
    return { refused: { code: 'would-break', detail, errors: [] } };
  }
  const row = { profile: id, actor: caller.actor, at: formatTime(needs.clock()) };
  const detail = {
    ...{ devices: answer.devices, retired: answer.retired, losses: breaks.length },
    back: beneath?.revision ?? null,
  };
  await needs.ownProfiles.leave(
    row,
    { held: held.text, before, isBeneath: beneath !== undefined },
    audited('remove-profile', id, detail),
  );
  return { gateways: answer.gateways };
}
