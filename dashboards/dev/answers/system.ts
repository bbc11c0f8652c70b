/** The platform itself as the fixture tells it. */
import type * as api from '@village/api';
import { DAY, HOUR } from '@village/core';
import type { Static } from 'typebox';
import { iso } from './places.ts';

/** As the page of the gateways shows them: often, and with words that have nowhere to break. */
function refusedByGateway(
  now: number,
): NonNullable<api.system.System['gateways'][number]['refusals']> {
  return [
    {
      topic: null,
      device: 'sewage-station-001',
      cause: 'value-not-a-number',
      metric: 'cod',
      place: 'water 7–8',
      count: 86_400,
      firstAt: iso(now - 26 * HOUR),
      lastAt: iso(now - 30_000),
    },
    {
      topic: null,
      device: 'bin-of-a-very-long-village-name-0000000000000000000000000001',
      cause: 'told-by-a-newer-gateway-and-known-to-nobody',
      place:
        '/values/a/very/long/path/with/nothing/to/break/at/0123456789012345678901234567890123456789',
      count: 1,
      firstAt: iso(now - HOUR),
      lastAt: iso(now - HOUR),
    },
  ];
}

/** The client id that a gateway is bound to, and another one that was tried. */
const triedBy = (
  id: string,
  now: number,
): Pick<api.system.System['gateways'][number], 'clientId' | 'refusals'> => ({
  clientId: { clientId: id, boundAt: iso(now - 40 * DAY) },
  refusals: [
    {
      ...{ topic: `${id}-copy`, cause: 'client-id-bound', count: 3 },
      ...{ firstAt: iso(now - HOUR), lastAt: iso(now - HOUR) },
    },
  ],
});

/** Of another maker: it hands readings over and never tells how it stands. */
const silentOfItself = (now: number): api.system.System['gateways'][number] => ({
  id: 'gateway-03',
  name: '三号网关（第三方）',
  version: null,
  online: true,
  at: null,
  heardAt: iso(now - 50_000),
  waiting: null,
  dropped: {},
  sequences: [],
  refusedLane: null,
});

/** What its broker counts. */
const BROKER: api.system.System['broker'] = {
  connections: 12,
  connects: 15,
  messages: 98_410,
  acknowledged: 98_409,
  inFlight: 1,
  refused: { authentication: 3 },
};

/** The disks that it writes to. */
const DISKS: api.system.System['disks'] = [
  {
    purpose: 'data',
    folder: '/var/lib/village',
    totalBytes: 512e9,
    freeBytes: 301e9,
    reserveBytes: 536_870_912,
  },
  {
    purpose: 'backups',
    folder: '/mnt/backup/village',
    totalBytes: 4e12,
    freeBytes: 90e9,
    reserveBytes: 0,
  },
];

/** What its store counts. */
const STORE: api.system.System['store'] = {
  rows: 1_204_882,
  readings: 7_229_292,
  commits: 88_100,
  commitFailures: 0,
  rowsPending: 12,
  rowsHot: 48_210,
  rowsSealed: 1_156_660,
  seals: 44,
  sealFailures: 0,
  filesUnreadable: 1,
  quarantined: 3,
  quarantineDropped: 0,
  logBytes: 18_220_100,
  archiveBytes: 9_120_338,
  commitSeconds: { p50: 0.0021, p99: 0.0064, max: 0.02 },
  readersCutOff: 0,
  readerLag: { archive: 18_220_100, figures: 0, frames: 4_096 },
};

/** The platform itself. */
export function system(
  now: number,
  { backup, clockFault }: Pick<api.system.System, 'backup' | 'clockFault'>,
  released: ReadonlySet<string>,
): api.system.System {
  return {
    clockFault,
    now: iso(now),
    disks: DISKS,
    store: STORE,
    broker: BROKER,
    pipeline: { messages: 98_410, readings: 7_229_292, quarantined: 3 },
    gateways: [
      {
        id: 'gateway-01',
        name: '一号网关',
        version: '0.1.0',
        online: true,
        at: iso(now - 20_000),
        heardAt: iso(now - 4_000),
        waiting: { live: 2, backfill: 340 },
        dropped: { 'outbox-full': 0 },
        sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }],
        refusedLane: { waiting: 12, dropped: { 'outbox-full': 3_120 } },
        clientId: { clientId: 'mosquitto-bridge.gateway-01.county', boundAt: iso(now - 40 * DAY) },
        refusals: refusedByGateway(now),
      },
      {
        id: 'gateway-02',
        name: '二号网关',
        version: null,
        online: false,
        at: iso(now - 3 * HOUR),
        heardAt: iso(now - 3 * HOUR),
        waiting: { live: 0, backfill: 0 },
        dropped: {},
        sequences: [],
        refusedLane: null,
        clock: { offset: -86_400, drift: null, since: iso(now - 9 * HOUR) },
        ...(released.has('gateway-02') ? {} : triedBy('gateway-02', now)),
      },
      silentOfItself(now),
    ],
    certificates: [
      {
        setting: 'mqtt.tls.cert',
        subject: 'CN=county.example',
        validTo: '2026-12-20T00:00:00.000Z',
        daysLeft: 21,
        fault: null,
      },
      {
        setting: 'mqtt.tls.ca',
        subject: 'O=长兴县数字乡村, CN=Changxing County Devices Authority 2026',
        validTo: '2036-11-20T00:00:00.000Z',
        daysLeft: 3643,
        fault: null,
      },
      {
        setting: 'http.tls.cert',
        subject: 'CN=digital-village.changxing.huzhou.zhejiang.gov.example',
        validTo: '2026-11-26T00:00:00.000Z',
        daysLeft: -3,
        fault: '/etc/village/certificates/http/server.pem: the key is not that of the certificate',
      },
    ],
    backup,
  };
}

/** The backups that there are. */
export const backups = (now: number): Static<(typeof api.system.backups.answers)[200]> => ({
  folder: '/mnt/backup/village',
  nightly: true,
  keep: 7,
  items: [
    { own: true, fault: null, bytes: 1.84e9, files: 412, days: 1 },
    { own: true, fault: null, bytes: 1.79e9, files: 401, days: 2 },
    {
      own: null,
      fault: "不是完整的备份 · this is no whole backup: backup.json can't be read",
      bytes: 0,
      files: 0,
      days: 3,
    },
    { own: false, fault: null, bytes: 0.9e9, files: 208, days: 5 },
  ].map(({ days, ...one }) => ({
    ...one,
    folder: `/mnt/backup/village/${iso(now - days * DAY).replaceAll(':', '')}`,
    startedAt: iso(now - days * DAY),
  })),
});

/** What runs by itself. */
export const jobs = (now: number): Static<(typeof api.jobs.list.answers)[200]> => ({
  items: [
    {
      kind: 'archive',
      title: { zh: '整理历史数据', en: 'Compact the archive and delete what is too old' },
      hours: 20,
      lastError: null,
    },
    {
      kind: 'backup',
      title: { zh: '每夜备份', en: 'Nightly backup' },
      hours: 19,
      lastError: '磁盘空间不足 · the disk has no room for a backup',
    },
    {
      kind: 'figures',
      title: { zh: '计算统计值', en: 'Compute figures' },
      hours: 0,
      lastError: null,
    },
  ].map(({ hours, ...one }) => ({
    ...one,
    nextAt: iso(now + (24 - hours) * HOUR),
    running: hours === 0,
    startedAt: iso(now - hours * HOUR - HOUR / 2),
    endedAt: hours === 0 ? null : iso(now - hours * HOUR),
    progress: hours === 0 ? { done: 120, total: 300 } : null,
    failures: one.lastError === null ? 0 : 2,
  })),
  next: null,
});

/** The configuration of the county that the fixture plays. */
export function configuration(): Static<(typeof api.system.configuration.answers)[200]> {
  const of = (
    key: string,
    zh: string,
    en: string,
    value: string | null,
    more: Partial<Static<typeof api.system.Setting>> = {},
  ): Static<typeof api.system.Setting> => ({
    ...{ key, value, source: 'default', default: value, variable: null, secret: false },
    description: { zh, en },
    ...more,
  });
  const env = { source: 'environment', default: null } as const;
  return {
    path: '/etc/village/village.yaml',
    items: [
      of('VILLAGE_DATA', '数据文件夹', 'Folder of everything stored', '/var/lib/village', {
        ...env,
        default: './data',
        variable: 'VILLAGE_DATA',
      }),
      of(
        'VILLAGE_ADMIN_PASSWORD',
        '首次启动时 admin 的密码',
        'Password of admin at the first start',
        null,
        { ...env, variable: 'VILLAGE_ADMIN_PASSWORD', secret: true },
      ),
      of('VILLAGE_INFLUXDB_PASSWORD', 'InfluxDB 密码', 'Password at InfluxDB', null, {
        default: null,
        variable: 'VILLAGE_INFLUXDB_PASSWORD',
        secret: true,
      }),
      of('http.port', '网页与接口端口', 'Port of pages and interface', '8443', {
        source: 'file',
        default: '8080',
        variable: 'VILLAGE_HTTP_PORT',
      }),
      of(
        'http.answerTimeout',
        '应答须在此时间内作出',
        'How long an answer may take to be made',
        '1m',
      ),
      of(
        'http.tls.cert',
        '网页证书文件（PEM）',
        'Certificate of HTTP (PEM)',
        '/etc/village/certificates/digital-village.changxing.huzhou.zhejiang.gov.example.pem',
        { source: 'file', default: null },
      ),
      of('mqtt.port', 'MQTT 端口', 'Port of MQTT', '1883', {
        variable: 'VILLAGE_MQTT_PORT',
      }),
      of('mqtt.limits.connections', '最多连接数', 'Connections at most', '40000', {
        source: 'file',
        default: '20000',
      }),
      of(
        'store.retention',
        '读数保存多久；不写则永久保存',
        'Readings older than this are deleted; unset keeps all',
        null,
      ),
      of('backup.nightly', '每夜自动备份', 'A backup each night', 'true', {
        source: 'file',
        default: 'false',
      }),
      of(
        'relational.url',
        'PostgreSQL 地址；不写则用 SQLite',
        'Address of PostgreSQL; SQLite without',
        'postgres://…@db.county.example/village',
        { source: 'file', default: null },
      ),
    ],
  };
}
