/** Senders of the kill test: each numbers its readings and remembers which were acknowledged. */
import mqtt from 'mqtt';
import { START, STEP_MS, valuesOf } from './probe.ts';

export interface Sender {
  readonly device: string;
  sent: number;
  readonly acknowledged: boolean[];
  /** Stops sending new readings; what is unacknowledged goes on being retried until `end`. */
  pause(): void;
  /** Whether everything sent is acknowledged. */
  settled(): boolean;
  end(): Promise<void>;
}

/** Pause before what was given up is sent again. */
const AGAIN_MS = 50;

const reading = (device: string, i: number): object => ({
  device,
  at: new Date(START + i * STEP_MS).toISOString(),
  values: valuesOf(i),
});

/**
 * A device on MQTT QoS 1 with at most `window` messages unacknowledged; all are sent again until they are. Sends as fast as it is
 * acknowledged, or `perSecond`.
 */
export function mqttSender(
  device: string,
  secret: string,
  port: number,
  window: number,
  perSecond = Number.POSITIVE_INFINITY,
): Sender {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    clientId: device,
    username: device,
    password: secret,
    reconnectPeriod: 100,
    connectTimeout: 5000,
    clean: true,
  });
  let paused = false;
  let ended = false;
  let inFlight = 0;
  // The library gives a message up when its connection dies in the middle of writing it: sent again here.
  const publish = (i: number): void => {
    client.publish(
      `village/v1/devices/${device}/readings`,
      JSON.stringify(reading(device, i)),
      { qos: 1 },
      (error) => {
        if (error !== undefined && error !== null && !ended) {
          setTimeout(() => publish(i), AGAIN_MS);
          return;
        }
        inFlight--;
        if (error === undefined || error === null) sender.acknowledged[i] = true;
      },
    );
  };
  const began = performance.now();
  const due = (): boolean =>
    perSecond === Number.POSITIVE_INFINITY ||
    sender.sent < ((performance.now() - began) / 1_000) * perSecond;
  const timer = setInterval(() => {
    while (!paused && client.connected && inFlight < window && due()) {
      sender.acknowledged.push(false);
      inFlight++;
      publish(sender.sent++);
    }
  }, 2);
  const sender: Sender = {
    device,
    sent: 0,
    acknowledged: [],
    pause: () => {
      paused = true;
    },
    settled: () => inFlight === 0,
    end: async () => {
      ended = true;
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
  // A refused or cut connection is the test's own doing; the library reconnects.
  client.on('error', () => undefined);
  return sender;
}

/** A machine that posts batches of readings over HTTP and repeats each until it is accepted, with a pause between two. */
export function httpSender(
  device: string,
  token: string,
  port: number,
  rows: number,
  pauseMs = 0,
): Sender {
  let paused = false;
  let stopped = false;
  let open = 0;
  const sender: Sender = {
    device,
    sent: 0,
    acknowledged: [],
    pause: () => {
      paused = true;
    },
    settled: () => open === 0,
    end: async () => {
      stopped = true;
      await loop;
    },
  };
  const post = async (first: number): Promise<boolean> => {
    const readings = Array.from({ length: rows }, (_, k) => reading(device, first + k));
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ readings }),
        signal: AbortSignal.timeout(10_000),
      });
      const body = (await response.json()) as { accepted?: number };
      return response.status === 202 && body.accepted === rows;
    } catch {
      return false; // The server was killed; the same batch is sent again.
    }
  };
  const run = async (): Promise<void> => {
    while (!stopped) {
      if (paused) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const first = sender.sent;
      sender.sent += rows;
      for (let k = 0; k < rows; k++) sender.acknowledged.push(false);
      open++;
      while (!stopped && !(await post(first)))
        await new Promise((resolve) => setTimeout(resolve, 100));
      if (!stopped) sender.acknowledged.fill(true, first, first + rows);
      open--;
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const loop = run();
  return sender;
}
