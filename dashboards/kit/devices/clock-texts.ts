/** What is said of a device's clock. */
import { dictionary, type Texts } from '../text/language.ts';

const texts = {
  clock: { zh: '设备时钟', en: 'Clock' },
  'clock-of-gateway': { zh: '网关时钟', en: 'Its clock' },
  'clock-right': { zh: '准确', en: 'right' },
  'clock-behind': { zh: '慢 {length}', en: '{length} behind' },
  'clock-ahead': { zh: '快 {length}', en: '{length} ahead' },
  'clock-drift': { zh: '每天变化 {n} 秒', en: 'gains {n} s a day' },
  'clock-off-behind': { zh: '时钟慢 {length}', en: 'Its clock is {length} behind' },
  'clock-off-ahead': { zh: '时钟快 {length}', en: 'Its clock is {length} ahead' },
  'clock-hint': {
    zh: '自 {time} 起。是否在线按接收时间判断；请校准设备时钟。',
    en: 'Since {time}. Whether it is online is judged by when it was heard; please set its clock.',
  },
  'clock-hint-gateway': {
    zh: '自 {time} 起。网关所记的时间（轮询的设备、不带时间的设备）已按此校正并标记；请校准网关时钟。',
    en: 'Since {time}. Times that the gateway stamped (polled devices, devices that tell none) are corrected by it and marked; please set its clock.',
  },
} as const satisfies Texts;

export const { t } = dictionary(texts);
