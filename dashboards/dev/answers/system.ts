/** The platform itself as the fixture tells it. */
import type * as api from '@village/api';
import { DAY, HOUR } from '@village/core';
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

/** The platform itself. */
export function system(
  now: number,
  { backup, clockFault }: Pick<api.system.System, 'backup' | 'clockFault'>,
  released: ReadonlySet<string>,
): api.system.System {
  return {
    clockFault,
    store: {
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
    },
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
