/** What is made of the device's clock when it is off, and a choice of that for who may register devices. */
import { CLOCK_USES, type ClockUse } from '@village/core/device';
import { useState } from 'preact/hooks';
import type { Device } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { mayUse } from '#kit/session.ts';
import { client, session } from '#kit/state.ts';
import { word } from './texts.ts';

export function ClockChoice({ device, changed }: { device: Device; changed: () => void }) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const holder = session.value;
  const use = device.clockUse ?? 'keep';
  const may = holder != null && mayUse({ right: 'devices.import' }, holder);
  if (!may || device.retiredAt !== null) return <>{word('clock-use', use)}</>;
  async function choose(chosen: ClockUse): Promise<void> {
    setBusy(true);
    setFailed(false);
    try {
      await client.call(calls.setDeviceClock, { params: { id: device.id }, body: { use: chosen } });
      changed();
    } catch {
      // The choice that holds is shown again, and that it could not be changed.
      setFailed(true);
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <select
        aria-label={word('clock-use', 'label')}
        value={use}
        disabled={busy}
        onChange={(event) => void choose(event.currentTarget.value as ClockUse)}
      >
        {CLOCK_USES.map((one) => (
          <option key={one} value={one}>
            {word('clock-use', one)}
          </option>
        ))}
      </select>
      {use === 'correct' && <span class="small muted"> {word('clock-use', 'begins')}</span>}
      {failed && (
        <span role="alert" class="text-offline">
          {' '}
          {word('clock-use', 'failed')}
        </span>
      )}
    </>
  );
}
