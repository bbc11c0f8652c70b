/**
 * The closed list of quantities, each with one canonical unit, and the units that convert to it. Two things that nobody
 * would average are two quantities, also when their unit is the same: mains and a battery, a mean and a gust.
 */
import type { Label } from './area.ts';

export interface Quantity extends Label {
  /** Canonical unit; empty for states and ratios without one. */
  readonly unit: string;
  /** Factor code of HJ 212-2017 annex B, where it has one. */
  readonly hj212?: string;
  /** A counter that only grows (until it is reset). */
  readonly total?: true;
  /** A coded state: averaging it means nothing. */
  readonly state?: true;
  /** A direction: the mean of 350 and 10 is no 180, so it is never averaged. */
  readonly circular?: true;
}

const q = (
  zh: string,
  en: string,
  unit: string,
  more: Omit<Partial<Quantity>, 'zh' | 'en' | 'unit'> = {},
): Quantity => ({
  zh,
  en,
  unit,
  ...more,
});

export const QUANTITIES = {
  'air.temperature': q('气温', 'Air temperature', '℃', { hj212: 'a01001' }),
  'air.humidity': q('相对湿度', 'Relative humidity', '%', { hj212: 'a01002' }),
  'air.pressure': q('气压', 'Air pressure', 'hPa', { hj212: 'a01006' }),
  'air.dew-point': q('露点', 'Dew point', '℃'),
  'air.pm25': q('PM2.5', 'PM2.5', 'µg/m³', { hj212: 'a34004' }),
  'air.pm10': q('PM10', 'PM10', 'µg/m³', { hj212: 'a34002' }),
  'air.so2': q('二氧化硫', 'Sulphur dioxide', 'µg/m³', { hj212: 'a21026' }),
  'air.no2': q('二氧化氮', 'Nitrogen dioxide', 'µg/m³', { hj212: 'a21004' }),
  'air.co': q('一氧化碳', 'Carbon monoxide', 'mg/m³', { hj212: 'a21005' }),
  'air.nox': q('氮氧化物', 'Nitrogen oxides', 'µg/m³', { hj212: 'a21002' }),
  'air.tsp': q('总悬浮颗粒物', 'Total suspended particles', 'µg/m³', { hj212: 'a34001' }),
  'air.o3': q('臭氧', 'Ozone', 'µg/m³', { hj212: 'a05024' }),
  'noise.level': q('噪声', 'Noise', 'dB', { hj212: 'LA' }),
  'light.illuminance': q('照度', 'Illuminance', 'lx'),
  'radiation.total': q('总辐射', 'Total radiation', 'W/m²'),
  'rain.amount': q('雨量', 'Rain', 'mm'),
  'wind.speed': q('风速', 'Wind speed', 'm/s', { hj212: 'a01007' }),
  'wind.speed-min': q('最小风速', 'Lowest wind speed', 'm/s'),
  'wind.speed-max': q('最大风速', 'Highest wind speed', 'm/s'),
  'wind.force': q('风力', 'Wind force', '级'),
  'wind.direction': q('风向', 'Wind direction', '°', { hj212: 'a01008', circular: true }),
  'wind.direction-min': q('最小风向', 'Lowest wind direction', '°', { circular: true }),
  'wind.direction-max': q('最大风向', 'Highest wind direction', '°', { circular: true }),
  'wind.sector': q('风向方位', 'Wind sector', '', { state: true }),
  'water.flow-rate': q('瞬时流量', 'Flow rate', 'm³/h', { hj212: 'w00000' }),
  'water.volume-total': q('累计流量', 'Total volume', 'm³', { total: true }),
  'water.volume-total-back': q('反向累计流量', 'Total volume backwards', 'm³', { total: true }),
  'water.velocity': q('流速', 'Water velocity', 'm/s'),
  'water.sound-speed': q('水中声速', 'Speed of sound in water', 'm/s'),
  'water.level': q('液位', 'Water level', 'm'),
  'water.temperature': q('水温', 'Water temperature', '℃', { hj212: 'w01010' }),
  'water.ph': q('pH', 'pH', '', { hj212: 'w01001' }),
  'water.orp': q('氧化还原电位', 'Redox potential', 'mV'),
  'water.dissolved-oxygen': q('溶解氧', 'Dissolved oxygen', 'mg/L', { hj212: 'w01009' }),
  'water.conductivity': q('电导率', 'Conductivity', 'µS/cm', { hj212: 'w01014' }),
  'water.turbidity': q('浊度', 'Turbidity', 'NTU', { hj212: 'w01003' }),
  'water.cod': q('化学需氧量', 'Chemical oxygen demand', 'mg/L', { hj212: 'w01018' }),
  'water.ammonia-nitrogen': q('氨氮', 'Ammonia nitrogen', 'mg/L', { hj212: 'w21003' }),
  'water.total-phosphorus': q('总磷', 'Total phosphorus', 'mg/L', { hj212: 'w21011' }),
  'water.total-nitrogen': q('总氮', 'Total nitrogen', 'mg/L', { hj212: 'w21001' }),
  'water.permanganate-index': q('高锰酸盐指数', 'Permanganate index', 'mg/L', { hj212: 'w01019' }),
  'water.bod5': q('五日生化需氧量', 'Biochemical oxygen demand, 5 days', 'mg/L', {
    hj212: 'w01017',
  }),
  'water.suspended-solids': q('悬浮物', 'Suspended solids', 'mg/L', { hj212: 'w01012' }),
  'water.animal-vegetable-oil': q('动植物油', 'Animal and vegetable oil', 'mg/L'),
  'water.faecal-coliforms': q('粪大肠菌群', 'Faecal coliforms', '个/L', { hj212: 'w02003' }),
  'heat.flow': q('热流量', 'Heat flow', 'GJ/h'),
  'power.voltage': q('电压', 'Voltage', 'V'),
  'power.current': q('电流', 'Current', 'A'),
  'power.active': q('有功功率', 'Active power', 'kW'),
  'power.factor': q('功率因数', 'Power factor', ''),
  'power.frequency': q('频率', 'Frequency', 'Hz'),
  'energy.import': q('正向有功电能', 'Energy imported', 'kWh', { total: true }),
  'energy.export': q('反向有功电能', 'Energy exported', 'kWh', { total: true }),
  'bin.fill-level': q('满溢度', 'Fill level', '%'),
  'bin.distance': q('料位距离', 'Distance to waste', 'mm'),
  'bin.weight': q('重量', 'Weight', 'kg'),
  'device.temperature': q('设备温度', 'Device temperature', '℃'),
  'device.battery': q('电池电量', 'Battery', '%'),
  'device.battery-voltage': q('电池电压', 'Battery voltage', 'V'),
  'device.signal': q('信号强度', 'Signal strength', 'dBm'),
  'device.mode': q('运行模式', 'Mode', '', { state: true }),
  'device.running': q('运行', 'Running', '', { state: true }),
  'device.fault': q('故障', 'Fault', '', { state: true }),
  'device.open': q('开盖', 'Open', '', { state: true }),
  'device.fire': q('火警', 'Fire', '', { state: true }),
  'device.tilt': q('倾倒', 'Tilted', '', { state: true }),
  'camera.motion': q('画面移动', 'Motion', '', { state: true }),
  'camera.alarm': q('画面报警', 'Camera alarm', '', { state: true }),
  'camera.count': q('目标计数', 'Object count', '', { total: true }),
} as const satisfies Record<string, Quantity>;

export type QuantityId = keyof typeof QUANTITIES;

/** Whether a mean over devices says something: not of states, counters and directions. */
export function averages(id: QuantityId): boolean {
  const { state, total, circular }: Quantity = QUANTITIES[id];
  return state !== true && total !== true && circular !== true;
}

/** The quantity of that id, or undefined. */
export function quantity(id: string): Quantity | undefined {
  return Object.hasOwn(QUANTITIES, id) ? QUANTITIES[id as QuantityId] : undefined;
}

/** canonical = device value × factor + offset, by canonical unit and device unit. */
const conversions: Record<string, Record<string, readonly [factor: number, offset: number]>> = {
  '℃': { '℉': [5 / 9, -160 / 9], K: [1, -273.15] },
  hPa: { kPa: [10, 0], Pa: [0.01, 0], mbar: [1, 0] },
  'µg/m³': { 'mg/m³': [1000, 0], 'ng/m³': [0.001, 0] },
  'mg/m³': { 'µg/m³': [0.001, 0] },
  'mg/L': { 'µg/L': [0.001, 0], 'ug/L': [0.001, 0], 'g/L': [1000, 0] },
  'm³/h': {
    'L/s': [3.6, 0],
    'L/min': [0.06, 0],
    'L/h': [0.001, 0],
    'm³/s': [3600, 0],
    'm³/d': [1 / 24, 0],
  },
  'm³': { L: [0.001, 0], kL: [1, 0] },
  m: { mm: [0.001, 0], cm: [0.01, 0] },
  mm: { cm: [10, 0], m: [1000, 0] },
  'm/s': { 'km/h': [1 / 3.6, 0], kn: [0.514444, 0] },
  V: { mV: [0.001, 0], kV: [1000, 0] },
  A: { mA: [0.001, 0] },
  kW: { W: [0.001, 0] },
  kWh: { Wh: [0.001, 0], MWh: [1000, 0] },
  lx: { klx: [1000, 0] },
  kg: { g: [0.001, 0] },
  'µS/cm': { 'mS/cm': [1000, 0] },
  '%': { ratio: [100, 0] },
};

/** How a device's own unit becomes the canonical one; undefined when the unit does not belong to the quantity. */
export function conversion(
  id: string,
  unit: string,
): readonly [factor: number, offset: number] | undefined {
  const canonical = quantity(id)?.unit;
  if (canonical === undefined) return undefined;
  return unit === canonical ? [1, 0] : conversions[canonical]?.[unit];
}

/** Every unit that the quantity may be given in, canonical first. */
export function unitsOf(id: string): string[] {
  const canonical = quantity(id)?.unit;
  return canonical === undefined ? [] : [canonical, ...Object.keys(conversions[canonical] ?? {})];
}
