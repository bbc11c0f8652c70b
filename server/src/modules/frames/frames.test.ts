/** Frames through the whole server: each way in, opened again over HTTP, decoded by hand. */
import { topics } from '@village/core';
import type mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  device,
  deviceCsv,
  NORTH_VILLAGE,
  SECRET,
  startCounty,
  type TestServer,
} from '../../testing.ts';

let test: TestServer;
let admin: Client;
const clients: mqtt.MqttClient[] = [];
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  await test.server.importDevices(
    deviceCsv(
      `bin-1,垃圾桶,village/smart-bin,${NORTH_VILLAGE},,HB20-1,,,,${SECRET}`,
      `cam-1,摄像头,onvif/camera,${NORTH_VILLAGE},,cam1,,,,${SECRET}`,
    ),
  );
}, 60_000);
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await test.close();
});

interface Frame {
  at: string;
  receivedAt: string;
  source: string;
  way: string;
  sequence: number | null;
  payload: string;
  fields: { metric: string; value: number; from: number; to: number }[];
  details: { event: string; detail: string; from: number; to: number }[];
  differs: { metric: string; stored: number }[] | null;
}

const framesOf = async (id: string, at: string, client = admin): Promise<Frame[]> =>
  (await client.get<{ items: Frame[] }>(`/frames?device=${id}&at=${encodeURIComponent(at)}`)).items;

/** A time that has just passed, each call a later one. */
let last = 0;
const now = (): string => {
  last = Math.max(last + 1, test.timer.now() - 60_000);
  return new Date(last).toISOString();
};

async function connect(id: string): Promise<mqtt.MqttClient> {
  const client = await device(id, test.server.mqttPort);
  clients.push(client);
  return client;
}

const lit = ({ payload, fields }: Frame, metric: string): string[] =>
  fields
    .filter((field) => field.metric === metric)
    .map(({ from, to }) => Buffer.from(payload, 'base64').subarray(from, to).toString('latin1'));

it("keeps a station's own message byte by byte, with sender, way and both times", async () => {
  const client = await connect('north-air');
  const at = now();
  const text = `{ "at":"${at}", "note":"村", "values":{"pm25": 35.50,"pm10":7e1} }`;
  const before = test.timer.now();
  await client.publishAsync(topics.deviceReadings('north-air'), text, { qos: 1 });
  const [frame, ...more] = await framesOf('north-air', at);
  expect(more).toEqual([]);
  expect(Buffer.from(frame!.payload, 'base64').toString()).toBe(text);
  expect(frame).toMatchObject({
    at,
    source: 'north-air',
    way: 'village/v1/devices/north-air/readings',
    sequence: null,
  });
  expect(Date.parse(frame!.receivedAt)).toBeGreaterThanOrEqual(Math.floor(before));
  expect(frame!.fields.map(({ metric, value }) => [metric, value])).toEqual([
    ['pm25', 35.5],
    ['pm10', 70],
  ]);
  expect([lit(frame!, 'pm25'), lit(frame!, 'pm10')]).toEqual([['35.50'], ['7e1']]);
});

it('keeps a message that was sent again once', async () => {
  const client = await connect('south-air');
  const at = now();
  const text = JSON.stringify({ at, values: { pm25: 3 } });
  for (let n = 0; n < 3; n++)
    await client.publishAsync(topics.deviceReadings('south-air'), text, { qos: 1 });
  expect(await framesOf('south-air', at)).toHaveLength(1);
});

it("keeps the register block that a gateway puts beside a reading, with the batch's number", async () => {
  const gateway = await connect('gw-north');
  const at = now();
  const registers = Buffer.from('02BC00FA', 'hex');
  const batch = {
    epoch: 'e1',
    seq: 41,
    lane: 'live',
    readings: [
      {
        device: 'north-ph',
        at,
        values: { ph: 7, temperature: 25 },
        frame: registers.toString('base64'),
        framing: 'all:2',
      },
    ],
  };
  await gateway.publishAsync(topics.gatewayReadings('gw-north'), JSON.stringify(batch), { qos: 1 });
  const [frame] = await framesOf('north-ph', at);
  expect(frame).toMatchObject({
    source: 'gw-north',
    way: 'village/v1/gateways/gw-north/readings',
    sequence: 41,
    payload: registers.toString('base64'),
  });
});

it('keeps the bytes of a row where a gateway sends no block or none that can be read, and of each row over HTTP', async () => {
  const gateway = await connect('gw-south');
  const [first, second, third] = [now(), now(), now()];
  const rows = [
    `{"device":"south-ph", "at":"${first}","values":{"ph":6.90}}`,
    `{"device":"south-ph","at":"${second}","values":{"ph":7.1},"frame":"no base64!"}`,
  ];
  const batch = `{"epoch":"e1","seq":1,"lane":"live","readings":[${rows.join(' , ')}]}`;
  await gateway.publishAsync(topics.gatewayReadings('gw-south'), batch, { qos: 1 });
  for (const [n, at] of [first, second].entries()) {
    const [frame] = await framesOf('south-ph', at!);
    expect(Buffer.from(frame!.payload, 'base64').toString()).toBe(rows[n]);
    expect(lit(frame!, 'ph')).toEqual([['6.90', '7.1'][n]]);
  }
  const posted = [
    `{"device":"bin-1","at":"${third}","values":{"fill":3}}`,
    `{"device":"north-air","at":"${third}","values":{"pm25":1.0,"nonsense":1}}`,
    `{"device":"south-air","at":"${third}","values":{"pm25" : 12.0}}`,
  ];
  const answer = await test.server.http.inject({
    method: 'POST',
    url: '/api/v1/readings',
    headers: { cookie: admin.cookie, 'content-type': 'application/json' },
    payload: `{"lane":"live","readings":[${posted.join(',\n')}]}`,
  });
  expect([answer.statusCode, answer.json().quarantined.length]).toEqual([202, 1]);
  const [frame] = await framesOf('south-air', third);
  expect(Buffer.from(frame!.payload, 'base64').toString()).toBe(posted[2]);
  expect(frame).toMatchObject({ source: 'http:admin', way: 'http', sequence: null });
  expect(lit(frame!, 'pm25')).toEqual(['12.0']);
  // The rest of a row whose part was kept aside opens like the others.
  const [part] = await framesOf('north-air', third);
  expect(Buffer.from(part!.payload, 'base64').toString()).toBe(posted[1]);
  expect(part!.fields.map(({ metric }) => metric)).toEqual(['pm25']);
  expect(lit(part!, 'pm25')).toEqual(['1.0']);
  // No evidence.
  expect(await framesOf('bin-1', third)).toEqual([]);
});

it('opens the event of a camera to the bytes of each detail', async () => {
  const camera = await connect('cam-1');
  const at = now();
  const text = `{ "UtcTime":"${at}", "Data":{"Plate":"浙E·12345"} }`;
  await camera.publishAsync('cam1/onvif-ej/RuleEngine/Recognition/LicensePlate/1', text, {
    qos: 1,
  });
  const [frame] = await framesOf('cam-1', at);
  expect(frame!.fields).toEqual([]);
  const [plate, ...others] = frame!.details;
  expect([plate!.event, plate!.detail, others]).toEqual(['plate-seen', 'plate', []]);
  const payload = Buffer.from(frame!.payload, 'base64');
  expect(payload.subarray(plate!.from, plate!.to).toString()).toBe('"浙E·12345"');
});

it('says which values a gateway stored that its own frame does not say', async () => {
  const gateway = await connect('gw-north');
  const at = now();
  const reading = {
    device: 'north-ph',
    at,
    values: { ph: 8.5, temperature: 25 },
    frame: Buffer.from('0000C841B81E2141', 'hex').toString('base64'),
    framing: 'probe:4',
  };
  const batch = { epoch: 'e1', seq: 42, lane: 'live', readings: [reading] };
  await gateway.publishAsync(topics.gatewayReadings('gw-north'), JSON.stringify(batch), { qos: 1 });
  const [frame] = await framesOf('north-ph', at);
  expect(frame!.fields.map(({ metric, value }) => [metric, value])).toEqual([
    ['temperature', 25],
    ['ph', 10.07],
  ]);
  expect(frame!.differs).toEqual([{ metric: 'ph', stored: 8.5 }]);
});

it('opens what a gateway makes up to nothing, and goes on', async () => {
  const gateway = await connect('gw-north');
  const made = ['probe:999999', 'nope:2', '__proto__:2', '', 'probe:0 '.repeat(400), '村:2'];
  const times = made.map(() => now());
  const readings = made.map((framing, n) => ({
    device: 'north-ph',
    at: times[n],
    values: { ph: 7, temperature: 25 },
    frame: Buffer.from('02BC00FA', 'hex').toString('base64'),
    framing,
  }));
  const batch = { epoch: 'e1', seq: 43, lane: 'live', readings };
  await gateway.publishAsync(topics.gatewayReadings('gw-north'), JSON.stringify(batch), { qos: 1 });
  for (const at of times) {
    const [frame] = await framesOf('north-ph', at);
    expect([frame!.payload, frame!.fields, frame!.differs]).toEqual(['ArwA+g==', [], []]);
  }
});

it('shows the first of many messages of one time and says that there are more', async () => {
  const client = await connect('north-air');
  const at = now();
  for (let n = 0; n < 23; n++)
    await client.publishAsync(
      topics.deviceReadings('north-air'),
      JSON.stringify({ at, values: { pm25: n } }),
      { qos: 1 },
    );
  const answer = await admin.get<{ items: Frame[]; more: boolean; missing: unknown[] }>(
    `/frames?device=north-air&at=${encodeURIComponent(at)}`,
  );
  expect(answer.items.map(({ fields }) => fields[0]!.value)).toEqual(
    Array.from({ length: 20 }, (_, n) => n),
  );
  expect([answer.more, answer.missing]).toEqual([true, []]);
  // The last message of the time is the one that counts.
  expect(answer.items[0]!.differs).toEqual([{ metric: 'pm25', stored: 22 }]);
});

it("reads one question of a person at a time: nobody's many keep another waiting, and too many are sent away", async () => {
  const other = await test.client('north');
  const at = now();
  const address = `/frames?device=north-air&at=${encodeURIComponent(at)}`;
  const client = await connect('north-air');
  const text = JSON.stringify({ at, values: { pm25: 3 } });
  await client.publishAsync(topics.deviceReadings('north-air'), text, { qos: 1 });
  let done = 0;
  const all = Array.from({ length: 150 }, async () => {
    const answer = await admin.ask('GET', address);
    if (answer.statusCode === 200) done++;
    return answer;
  });
  expect((await other.ask('GET', address)).statusCode).toBe(200);
  expect(done).toBeLessThan(50);
  const answers = await Promise.all(all);
  const refused = answers.filter(({ statusCode }) => statusCode !== 200);
  expect(done).toBeGreaterThanOrEqual(100);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused[0]!.json()).toMatchObject({ status: 503, code: 'busy' });
  expect(refused[0]!.headers['retry-after']).toBeDefined();
});

it('shows nobody the frames of another area, and takes no time that is none', async () => {
  const south = await test.client('south');
  const at = encodeURIComponent(now());
  expect((await south.ask('GET', `/frames?device=north-air&at=${at}`)).statusCode).toBe(404);
  expect((await south.ask('GET', `/frames?device=south-air&at=${at}`)).statusCode).toBe(200);
  expect(
    (await south.ask('GET', '/frames?device=south-air&at=2026-01-01T25:00:00Z')).json(),
  ).toMatchObject({ code: 'bad-time' });
  expect((await admin.ask('GET', `/frames?device=nobody&at=${at}`)).statusCode).toBe(404);
});

it('counts frames for monitoring', async () => {
  const text = (
    await test.server.http.inject({ url: '/metrics', headers: { cookie: admin.cookie } })
  ).body;
  expect(Number(/^village_frames_kept_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThanOrEqual(5);
  expect(text).toContain('village_frames_missed_spans 0');
});
