/** A made-up county for the fixture server: areas, profiles, devices and readings, all following from a seed. */
import {
  type DeviceState,
  type Label,
  QUANTITIES,
  type Quality,
  type QuantityId,
  seededRandom,
} from '@village/core';

export interface FixtureMetric {
  readonly key: string;
  readonly quantity: QuantityId;
  readonly name: Label;
  readonly unit: string;
  readonly range: readonly [number, number];
  readonly states?: Readonly<Record<string, number>>;
  readonly total?: true;
  readonly state?: true;
  readonly channel?: { kind: string; key: string; name: { zh: string; en: string }; base: string };
  /** Middle and swing of its daily cycle. */
  readonly middle: number;
  readonly swing: number;
}

const metric = (
  key: string,
  quantity: QuantityId,
  middle: number,
  swing: number,
  more: { states?: Record<string, number> } = {},
): FixtureMetric => {
  const known: { zh: string; en: string; unit: string; total?: true; state?: true } =
    QUANTITIES[quantity];
  return {
    key,
    quantity,
    name: { zh: known.zh, en: known.en },
    unit: known.unit,
    range: [middle - 10 * swing, middle + 10 * swing],
    ...(known.total === undefined ? {} : { total: known.total }),
    ...(known.state === undefined ? {} : { state: known.state }),
    ...more,
    middle,
    swing,
  };
};

const profile = (
  id: string,
  zh: string,
  en: string,
  kind: string,
  protocol: string,
  reportEvery: number,
  metrics: FixtureMetric[],
) => ({
  id,
  revision: 1,
  name: { zh, en },
  kind,
  protocol,
  protocolName: protocol === 'mqtt' ? 'MQTT' : 'Modbus',
  reportEvery,
  silentAfter: reportEvery * 5,
  ...(['sewage-monitor', 'air-station', 'water-quality'].includes(kind)
    ? { evidence: 'all' as const }
    : {}),
  metrics,
  // A word that the console itself does not know.
  events: [
    {
      type: 'desludged',
      name: { zh: '排泥', en: 'Desludged' },
      channels: [
        { key: 'tank-1', name: { zh: '一号池', en: 'Tank 1' } },
        { key: 'tank-2', name: { zh: '二号池', en: 'Tank 2' } },
      ],
    },
  ],
});

export const profiles = [
  profile(
    'demo/sewage-8',
    '农村污水站 SW-8',
    'Rural sewage station SW-8',
    'sewage-monitor',
    'modbus',
    300,
    [
      metric('cod', 'water.cod', 32, 12),
      metric('nh3n', 'water.ammonia-nitrogen', 2.4, 1.1),
      metric('tp', 'water.total-phosphorus', 0.42, 0.15),
      metric('ph', 'water.ph', 7.2, 0.3),
      metric('flow', 'water.flow-rate', 0.8, 0.5),
      metric('total', 'water.volume-total', 12_000, 0),
      metric('mode', 'device.mode', 1, 0, { states: { stopped: 0, running: 1, maintenance: 2 } }),
    ],
  ),
  profile(
    'demo/weather-5',
    '自动气象站 WS-5',
    'Weather station WS-5',
    'weather-station',
    'modbus',
    300,
    [
      metric('temp', 'air.temperature', 18, 6),
      metric('hum', 'air.humidity', 66, 18),
      metric('press', 'air.pressure', 1012, 4),
      metric('wind', 'wind.speed', 2.2, 1.6),
      metric('pm25', 'air.pm25', 38, 20),
    ],
  ),
  profile('demo/bin-2', '智能垃圾桶 BN-2', 'Smart bin BN-2', 'smart-bin', 'mqtt', 3600, [
    metric('fill', 'bin.fill-level', 48, 35),
    metric('batt', 'device.battery', 84, 3),
    metric('lid', 'device.open', 0, 0, { states: { closed: 0, open: 1 } }),
  ]),
] as const;

/** Of a camera of which lens 1 and 2 were heard: its model has a third one. */
const lenses = ['1', '2', '3'].map((lens): FixtureMetric => {
  const one = metric(`motion-${lens}`, 'camera.motion', 0, 0, { states: { still: 0, moving: 1 } });
  const name = { zh: `镜头 ${lens}`, en: `Lens ${lens}` };
  return {
    ...one,
    name: { zh: `${one.name.zh}（${name.zh}）`, en: `${one.name.en} (${name.en})` },
    channel: { kind: 'lens', key: lens, name, base: 'motion' },
  };
});
export const CAMERA = profile(
  'demo/camera-3',
  '摄像机 CM-3',
  'Camera CM-3',
  'camera',
  'mqtt',
  3600,
  lenses,
);

const townshipNames = [
  ['001', '雉城街道', 'Zhicheng'],
  ['002', '画溪街道', 'Huaxi'],
  ['003', '太湖街道', 'Taihu'],
  ['004', '龙山街道', 'Longshan'],
  ['101', '洪桥镇', 'Hongqiao'],
  ['102', '李家巷镇', 'Lijiaxiang'],
  ['103', '夹浦镇', 'Jiapu'],
  ['104', '林城镇', 'Lincheng'],
  ['106', '虹星桥镇', 'Hongxingqiao'],
  ['108', '小浦镇', 'Xiaopu'],
  ['110', '和平镇', 'Heping'],
  ['111', '泗安镇', "Si'an"],
  ['112', '煤山镇', 'Meishan'],
  ['200', '水口乡', 'Shuikou'],
  ['202', '吕山乡', 'Lüshan'],
] as const;
const villageNames = [
  ['新民村', 'Xinmin'],
  ['顾渚村', 'Guzhu'],
  ['上泗安村', 'Shangsian'],
  ['渚山村', 'Zhushan'],
  ['高家墩社区', 'Gaojiadun'],
] as const;
/** Thirty characters: the longest village name that pages must bear. */
export const LONG_VILLAGE = '画溪街道沿太湖生态修复与移民安置联合示范片区第十二居民小组村';

export interface FixtureArea {
  readonly code: string;
  readonly level: 'county' | 'township' | 'village';
  readonly name: Label;
  readonly parent: string | null;
}

export const COUNTY = '330522000000';

export const areas: readonly FixtureArea[] = [
  { code: COUNTY, level: 'county', name: { zh: '长兴县', en: 'Changxing' }, parent: null },
  ...townshipNames.flatMap(([code, zh, en]): FixtureArea[] => {
    const township = `330522${code}000`;
    return [
      { code: township, level: 'township', name: { zh, en }, parent: COUNTY },
      ...villageNames.map(([vzh, ven], index): FixtureArea => {
        const name =
          code === '002' && index === 1
            ? { zh: LONG_VILLAGE, en: LONG_VILLAGE }
            : { zh: vzh, en: ven };
        return {
          code: `330522${code}${String(200 + index)}`,
          level: 'village',
          name,
          parent: township,
        };
      }),
    ];
  }),
];

/** `count` villages besides, spread over the townships. */
export const furtherVillages = (count: number): FixtureArea[] =>
  Array.from({ length: count }, (_, n): FixtureArea => {
    const [code] = townshipNames[n % townshipNames.length] ?? townshipNames[0];
    return {
      code: `330522${code}${String(300 + Math.floor(n / townshipNames.length))}`,
      level: 'village',
      name: { zh: `第${n + 1}村`, en: `Village ${n + 1}` },
      parent: `330522${code}000`,
    };
  });

export interface FixtureDevice {
  id: string;
  name: string;
  profile: (typeof profiles)[number];
  area: FixtureArea;
  state: DeviceState;
  longitude: number | null;
  latitude: number | null;
  /** When its service ended; absent for most. */
  retiredAt?: number;
  retiredReason?: string;
  /** What stood there before it, if anything else did. */
  former?: (typeof profiles)[number];
  /** When it first reported. */
  since: number;
  lastSeenAt: number | null;
  values: Record<string, { value: number; at: number; receivedAt: number; quality: Quality }>;
}

/** Rough middles of the townships, by the digits 7 to 9 of their codes. */
const MIDDLES: Readonly<Record<string, readonly [longitude: number, latitude: number]>> = {
  '001': [119.9, 31.02],
  '002': [119.85, 31.05],
  '003': [119.96, 31.03],
  '004': [119.93, 31.07],
  101: [119.99, 30.95],
  102: [119.95, 30.93],
  103: [119.97, 31.12],
  104: [119.78, 30.95],
  106: [119.84, 30.92],
  108: [119.79, 31.04],
  110: [119.8, 30.8],
  111: [119.65, 30.89],
  112: [119.73, 31.12],
  200: [119.86, 31.14],
  202: [119.93, 30.85],
};

/** The middle of the township that an area lies in; of the county about that of all. */
export const middleOf = (code: string): readonly [longitude: number, latitude: number] =>
  MIDDLES[code.slice(6, 9)] ?? [119.82, 30.97];

/** Where a device stands: each village a little off the middle of its township, devices around it. */
function positionOf(area: FixtureArea, random: () => number) {
  const [x, y] = middleOf(area.code);
  const turn = (Number(area.code.slice(9)) % 5) * ((2 * Math.PI) / 5);
  const at = (middle: number, way: number): number =>
    Number((middle + 0.025 * way + 0.02 * (random() - 0.5)).toFixed(5));
  return { longitude: at(x, Math.cos(turn)), latitude: at(y, Math.sin(turn)) };
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The outage every device of the fixture had: two to five hours before the end of the data. */
export const OUTAGE = { from: 5 * HOUR, to: 2 * HOUR };

/** What a metric reads at a time: a daily cycle with noise that follows from place and time alone. */
export function valueAt(device: string, one: FixtureMetric, at: number): number {
  if (one.states !== undefined) return one.middle;
  const random = seededRandom(`${device} ${one.key} ${Math.floor(at / 60_000)}`);
  if (one.total) return Math.round((one.middle + at / 9e7) * 10) / 10;
  const cycle = Math.sin(((at % DAY) / DAY) * 2 * Math.PI);
  const value = one.middle + one.swing * (0.7 * cycle + 0.5 * (random() - 0.5));
  return Math.round(Math.max(0, value) * 1000) / 1000;
}

/** `count` devices over the villages, most of them well. */
export function makeDevices(count: number, now: number): FixtureDevice[] {
  const villages = areas.filter((area) => area.level === 'village');
  const random = seededRandom('fixture');
  const places = seededRandom('fixture places');
  return Array.from({ length: count }, (_, index): FixtureDevice => {
    const kind = profiles[index % profiles.length] ?? profiles[0];
    const area = villages[Math.floor(random() * villages.length)] ?? areas[0];
    if (area === undefined) throw new Error('BUG: a county without areas');
    const luck = random();
    const state = luck < 0.02 ? 'never' : luck < 0.07 ? 'offline' : luck < 0.11 ? 'late' : 'online';
    const silence =
      {
        online: random() * kind.reportEvery,
        late: kind.reportEvery * 3,
        offline: DAY * 1.6,
        never: 0,
      }[state] * 1000;
    const at = Math.round(now - (state === 'offline' ? DAY * 1.6 : Math.min(silence, DAY)));
    const id = `${kind.id.split('/')[1]}-${String(index + 1).padStart(4, '0')}`;
    return {
      id,
      name: `${area.name.zh.slice(0, 12)}${kind.name.zh.split(' ')[0]}${(index % 7) + 1}号`,
      profile: kind,
      area,
      // Every fiftieth has none.
      ...(index % 50 === 49 ? { longitude: null, latitude: null } : positionOf(area, places)),
      state,
      // Every tenth was connected this morning.
      since: now - (index % 10 === 9 ? 7.4 * HOUR : 200 * DAY),
      lastSeenAt: state === 'never' ? null : at,
      values:
        state === 'never'
          ? {}
          : Object.fromEntries(
              kind.metrics.map((one, place) => [
                one.key,
                {
                  value: valueAt(id, one, at),
                  at,
                  receivedAt: at + 800,
                  quality: luck > 0.94 && place === 0 ? 'maintenance' : 'good',
                },
              ]),
            ),
    };
  });
}

/** A camera in a village, both lenses of which were heard; the first moves. */
export function makeCamera(now: number): FixtureDevice {
  const area = areas.find(({ level }) => level === 'village');
  if (area === undefined) throw new Error('BUG: a county without villages');
  const at = now - 60_000;
  const said = { at, receivedAt: at + 800, quality: 'good' } as const;
  return {
    id: 'camera-1',
    name: `${area.name.zh}摄像机`,
    profile: CAMERA,
    area,
    ...{ longitude: 119.9, latitude: 31.02 },
    state: 'online',
    since: now - 200 * DAY,
    lastSeenAt: at,
    values: { 'motion-1': { ...said, value: 1 }, 'motion-2': { ...said, value: 0 } },
  };
}

/** Times at which a device reported between two times; none in the outage. */
export function reports(device: FixtureDevice, from: number, to: number, now: number): number[] {
  const every = device.profile.reportEvery * 1000;
  const out: number[] = [];
  const last = Math.min(to, device.lastSeenAt ?? 0);
  const first = Math.max(from, device.since);
  for (let at = Math.ceil(first / every) * every; at < last; at += every)
    if (at < now - OUTAGE.from || at > now - OUTAGE.to) out.push(at);
  return out;
}
