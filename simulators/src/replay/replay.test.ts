import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemTimer } from '@village/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forever, TestBroker, testProfiles } from '../testing.ts';
import { parseMapping } from './mapping.ts';
import { type ReplayOptions, replayDevices, replayFiles } from './replay.ts';

const mapping = `
profile: test/box
device: { column: station, prefix: s-, lower: true }
area: '330522000000'
zone: '+08:00'
time: { year: year, month: month, day: day, hour: hour }
missing: [NA]
columns:
  PM2.5: pm25
  CO: { metric: co, unit: µg/m³ }
  wd: { metric: direction, words: { N: 0, NNE: 22.5, E: 90 } }
`;

const north = `No,year,month,day,hour,PM2.5,CO,wd,station
1,2013,3,1,0,4,300,NNE,North
2,2013,3,1,1,NA,700,N,North
3,2013,3,1,2,0.1,NA,NA,North
4,2013,3,1,3,NA,NA,NA,North
5,2013,13,1,3,1,1,N,North
6,2013,3,1,4,0.2,much,E,North
`;
const south = `year;month;day;hour;PM2.5;CO;wd;station
2017;2;28;23;12;100;E;South
`;

let broker: TestBroker;
let folder: string;

beforeEach(async () => {
  broker = new TestBroker();
  await broker.open();
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
  writeFileSync(join(folder, 'north.csv'), north);
  writeFileSync(join(folder, 'south.csv.gz'), gzipSync(south.replaceAll(';', ',')));
});
afterEach(async () => {
  await broker.close();
  rmSync(folder, { recursive: true });
});

function options(more: Partial<ReplayOptions> = {}): ReplayOptions {
  return {
    files: [join(folder, 'north.csv'), join(folder, 'south.csv.gz')],
    mapping: parseMapping(mapping, testProfiles()),
    mqttUrl: broker.url,
    secretOf: () => 'secret',
    timer: systemTimer,
    signal: forever,
    ...more,
  };
}

const heard = (): unknown[] => broker.heard.map(({ payload }) => JSON.parse(payload.toString()));
const rows = [
  { device: 's-north', at: '2013-02-28T16:00:00Z', values: { pm25: 4, co: 0.3, direction: 22.5 } },
  { device: 's-north', at: '2013-02-28T17:00:00Z', values: { co: 0.7, direction: 0 } },
  { device: 's-north', at: '2013-02-28T18:00:00Z', values: { pm25: 0.1 } },
  { device: 's-north', at: '2013-02-28T20:00:00Z', values: { pm25: 0.2, direction: 90 } },
  { device: 's-south', at: '2017-02-28T15:00:00Z', values: { pm25: 12, co: 0.1, direction: 90 } },
];

describe('replay', () => {
  it('sends what was measured, as the device that measured it, and says what it sums to', async () => {
    const report = await replayFiles(options());
    const ordered = (heard() as typeof rows).toSorted((a, b) => (a.at < b.at ? -1 : 1));
    expect(ordered).toEqual(rows);
    expect(new Set(broker.heard.map(({ topic, client }) => `${client} ${topic}`))).toEqual(
      new Set([
        's-north village/v1/devices/s-north/readings',
        's-south village/v1/devices/s-south/readings',
      ]),
    );
    expect(report).toMatchObject({
      rows: 7,
      rowsEmpty: 1,
      rowsFaulty: 1,
      cellsFaulty: 1,
      rowsSent: 5,
      rowsAcknowledged: 5,
      readings: 11,
      columns: {
        'PM2.5': { metric: 'pm25', count: 4, missing: 2, sum: '16.3', stored: '16.3' },
        CO: { metric: 'co', count: 3, missing: 3, sum: '1100', stored: '1.1' },
        wd: { metric: 'direction', count: 4, missing: 2, sum: '202.5', stored: '202.5' },
      },
      devices: {
        's-north': {
          rows: 4,
          readings: 8,
          from: '2013-02-28T16:00:00Z',
          to: '2013-02-28T20:00:00Z',
        },
        's-south': { rows: 1, readings: 3 },
      },
    });
    expect(report.firstFault).toContain('row 6');
  });

  it('sends the same in random order, a seed giving the same one', async () => {
    const long = Array.from({ length: 200 }, (_, i) => `2014,1,1,${i % 24},${i},1,N,One`);
    writeFileSync(
      join(folder, 'one.csv'),
      ['year,month,day,hour,PM2.5,CO,wd,station', ...long].join('\n'),
    );
    const files = [join(folder, 'one.csv')];
    const orders: string[] = [];
    for (const seed of [1, 1, 2]) {
      broker.heard.length = 0;
      const report = await replayFiles(options({ files, order: 'random', seed }));
      expect(report.columns['PM2.5']).toMatchObject({ count: 200, sum: '19900' });
      const values = (heard() as typeof rows).map(({ values }) => values.pm25 as number);
      expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
      orders.push(values.join());
    }
    expect(orders[0]).toBe(orders[1]);
    expect(orders[0]).not.toBe(orders[2]);
  });

  it('sends stations side by side, however long their files are', async () => {
    const rowsEach = 3_000;
    const files = ['One', 'Two', 'Three'].map((station) => {
      const path = join(folder, `${station}.csv`);
      const lines = Array.from(
        { length: rowsEach },
        (_, i) =>
          `2014,${1 + Math.floor(i / 672)},${1 + (Math.floor(i / 24) % 28)},${i % 24},${i},1,N,${station}`,
      );
      writeFileSync(path, ['year,month,day,hour,PM2.5,CO,wd,station', ...lines].join('\n'));
      return path;
    });
    await replayFiles(options({ files, windowMax: 1 }));
    const half = broker.heard.slice(0, broker.heard.length / 2).map(({ client }) => client);
    for (const station of ['s-one', 's-two', 's-three']) {
      const share = half.filter((client) => client === station).length / half.length;
      expect(share).toBeGreaterThan(0.2);
      // In the order of the file, each.
      const values = broker.heard
        .filter(({ client }) => client === station)
        .map(({ payload }) => JSON.parse(payload.toString()).values.pm25);
      expect(values).toEqual(Array.from({ length: rowsEach }, (_, i) => i));
    }
  });

  it('gives up on a broker that does not answer, and says why', async () => {
    broker.deaf = true;
    await expect(replayFiles(options({ stallMs: 500 }))).rejects.toMatchObject({
      code: 'broker-silent',
      retry: true,
    });
    broker.refused.add('s-north');
    await expect(replayFiles(options({ stallMs: 500 }))).rejects.toThrow(/username|authorized/i);
  });

  it('waits for a broker that comes back', async () => {
    await broker.close();
    const replaying = replayFiles(options());
    await broker.open();
    expect((await replaying).rowsAcknowledged).toBe(5);
  });

  it('refuses a device without a secret, a file without its columns and an empty file', async () => {
    await expect(replayFiles(options({ secretOf: () => undefined }))).rejects.toMatchObject({
      code: 'no-secret',
    });
    writeFileSync(join(folder, 'bad.csv'), 'a,b\n1,2\n');
    writeFileSync(join(folder, 'empty.csv'), '');
    writeFileSync(join(folder, 'torn.csv.gz'), gzipSync(north).subarray(0, 60));
    const refusal = (file: string) =>
      expect(replayFiles(options({ files: [join(folder, file)] }))).rejects;
    await refusal('bad.csv').toMatchObject({ code: 'bad-mapping' });
    await refusal('empty.csv').toMatchObject({ code: 'empty-file' });
    await refusal('torn.csv.gz').toMatchObject({ code: 'Z_BUF_ERROR' });
    await refusal('none.csv').toMatchObject({ code: 'ENOENT' });
  });

  it('lists the devices of the files', async () => {
    expect(await replayDevices(options())).toEqual(['s-north', 's-south']);
  });
});

describe('a mapping', () => {
  it.each([
    ['profile: test/box', 'profile: test/none', /No profile/],
    ['PM2.5: pm25', 'PM2.5: dust', /columns.PM2.5.*dust/],
    ['unit: µg/m³', 'unit: mm', /columns.CO.*mm/],
    ["zone: '+08:00'", 'zone: Beijing', /zone/],
  ])('with %s as %s is refused with its place', (from, to, message) => {
    expect(() => parseMapping(mapping.replace(from, to), testProfiles())).toThrow(message);
  });

  it('reads times out of one column, and the device out of the file name', async () => {
    writeFileSync(join(folder, 'Outlet-1.csv'), 't,v\n2021-01-02 02:00:00,1.34\n2021-01-02,9\n');
    const own = `
profile: test/box
device: { fileName: true, lower: true }
area: '330522000000'
zone: '+08:00'
time: { column: t, format: 'yyyy-MM-dd HH:mm:ss' }
columns: { v: pm25 }
`;
    const report = await replayFiles(
      options({
        files: [join(folder, 'Outlet-1.csv')],
        mapping: parseMapping(own, testProfiles()),
      }),
    );
    expect(heard()).toEqual([
      { device: 'outlet-1', at: '2021-01-01T18:00:00Z', values: { pm25: 1.34 } },
    ]);
    expect(report.rowsFaulty).toBe(1);
  });
});
