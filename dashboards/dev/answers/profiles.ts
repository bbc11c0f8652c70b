/** Answers of the stand-in to the file of a device type: sound when it says `profile:`, with what its devices would lose, else its faults. */
import { profiles } from '../county.ts';

/** Held against the interface's description where it is sent. */
export function checkedProfile(text: string): object {
  const [known] = profiles;
  if (known === undefined) throw new Error('BUG: the stand-in has no types');
  if (text.includes('profile:'))
    return {
      faults: [],
      profile: known,
      known: { revision: known.revision, devices: 12, lost: ['blower'] },
    };
  return {
    faults: [
      { line: 7, column: 7, path: 'kind', message: 'expected one of "smart-bin"|"camera"' },
      { line: null, column: null, path: '', message: 'has no examples' },
    ],
    profile: null,
    known: null,
  };
}
