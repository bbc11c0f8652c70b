/** One device that speaks MQTT: measures by its interval, sends, and behaves as a scenario wants it to. */
import { SECOND, type Timer } from '@village/core';
import { encodeAll } from '@village/device-profiles';
import { isMqttFrame } from '@village/device-profiles/mqtt';
import type { CountyModel } from '../../county/county-model.ts';
import type { PlannedDevice } from '../../county/county-plan.ts';
import { hashText } from '../../county/noise.ts';
import type { Uplink } from '../../uplink/uplink.ts';

/** All first values are out within this time. */
const FIRST_WITHIN_MS = 3 * SECOND;

/** Speaks by itself or through a network server. */
export class Speaker {
  readonly #device: PlannedDevice;
  readonly #model: CountyModel;
  readonly #uplink: Uplink;
  readonly #ownUplink: boolean;
  #held: { topic: string; payload: Uint8Array } | null = null;
  unsent = 0;

  constructor(device: PlannedDevice, model: CountyModel, uplink: Uplink, ownUplink: boolean) {
    this.#device = device;
    this.#model = model;
    this.#uplink = uplink;
    this.#ownUplink = ownUplink;
  }

  /** Measures and sends once; a device in a dropout keeps its frames if it has a connection of its own. */
  speak(now: number): void {
    const effects = this.#model.effects(this.#device, now);
    const away = effects !== undefined && (effects.dropout || effects.restarting);
    if (this.#ownUplink && away) this.#uplink.cut(effects.restarting);
    if (this.#ownUplink && !away) this.#uplink.mend();
    const frames = encodeAll(
      this.#model.profile(this.#device),
      this.#model.values(this.#device, now),
      {
        at: now + (effects?.clockErrorMs ?? 0),
        address: this.#device.address,
        options: this.#device.options,
      },
    );
    for (const frame of frames) {
      if (!isMqttFrame(frame)) continue;
      if (away && (effects.restarting || !this.#ownUplink)) this.unsent++;
      else this.#offer(frame, effects?.duplicate ?? false, effects?.reorder ?? false);
    }
  }

  #offer(frame: { topic: string; payload: Uint8Array }, twice: boolean, reorder: boolean): void {
    const held = this.#held;
    if (reorder && held === null) {
      this.#held = frame;
      return;
    }
    this.#held = null;
    for (const { topic, payload } of held === null ? [frame] : [frame, held]) {
      this.#uplink.offer(topic, payload);
      if (twice) this.#uplink.offer(topic, payload);
    }
  }
}

/** Speaks at once (spread over FIRST_WITHIN_MS) and then by the device's interval, until the signal. */
export async function keepSpeaking(
  speaker: Speaker,
  device: PlannedDevice,
  seed: number,
  timer: Timer,
  signal: AbortSignal,
): Promise<void> {
  const start = timer.elapsed() + (hashText(`${seed}/${device.id}/phase`) % FIRST_WITHIN_MS);
  for (let turn = 0; !signal.aborted; turn++) {
    const wait = start + turn * device.everyMs - timer.elapsed();
    // Turns that were slept through are left out rather than caught up with.
    if (wait < -device.everyMs) continue;
    try {
      await timer.sleep(Math.max(wait, 0), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    speaker.speak(timer.now());
  }
}
