/** Puts what was received beside its rows, for devices whose figures may be evidence. */
import type { Appender } from '@village/store/time-series';
import type { MessageContext } from './message-context.ts';
import type { RegisteredDevice } from './registered-device.ts';
import type { Fields } from './shape.ts';

/** How a kept payload is read: `frame` by its profile, `row` as a reading or event object of our own wire. */
export type FrameForm = 'frame' | 'row';

/** Digits of base64 in groups of four. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const isBase64 = (text: unknown): text is string =>
  typeof text === 'string' && text !== '' && text.length % 4 === 0 && BASE64.test(text);

/** What a device said, as it is kept. */
export interface KeptFrame {
  readonly payload: Uint8Array;
  readonly framing: string;
}

export class KeptFrames {
  readonly #store: Pick<Appender, 'frame'>;

  constructor(store: Pick<Appender, 'frame'>) {
    this.#store = store;
  }

  /** A device's own message. */
  keepFrame(
    registered: RegisteredDevice,
    at: number,
    context: MessageContext,
    { payload, framing }: KeptFrame,
  ): void {
    this.#keep(registered, at, context, payload, decodingOf(registered, 'frame', framing));
  }

  /** A row of our own wire: the frame that a gateway put into it, else the bytes of the row itself, as of all others. */
  keepRow(
    registered: RegisteredDevice,
    at: number,
    context: MessageContext,
    row: Fields,
    bytes: () => Uint8Array | undefined,
  ): void {
    const { frame, framing = '' } = row;
    if (context.relayed && isBase64(frame) && typeof framing === 'string') {
      const payload = Buffer.from(frame, 'base64');
      this.#keep(registered, at, context, payload, decodingOf(registered, 'frame', framing));
      return;
    }
    const own = bytes();
    if (own !== undefined)
      this.#keep(registered, at, context, own, decodingOf(registered, 'row', ''));
  }

  #keep(
    { device }: RegisteredDevice,
    at: number,
    { sender, topic, batch, receivedAt }: MessageContext,
    payload: Uint8Array,
    decoding: string,
  ): void {
    this.#store.frame({
      device: device.id,
      at,
      receivedAt,
      source: sender.id,
      way: topic,
      epoch: batch?.epoch ?? '',
      sequence: batch?.seq ?? null,
      decoding,
      payload,
    });
  }
}

/** By which rules a payload was read, as a text; `readDecoding` of the server reads it. */
function decodingOf(
  { device, profile }: RegisteredDevice,
  form: FrameForm,
  framing: string,
): string {
  const { options } = device;
  return JSON.stringify({
    profile: profile.id,
    revision: profile.revision,
    form,
    ...(framing === '' ? {} : { framing }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  });
}
