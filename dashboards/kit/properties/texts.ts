/** What is said of labels and attributes of devices and areas, and what attributes are called. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  properties: { zh: '标签与属性', en: 'Labels and attributes' },
  'properties.none': { zh: '还没有登记标签或属性', en: 'No label or attribute yet' },
  'properties.none-device': {
    zh: '设施规模、设计处理能力、桶高等决定考核口径和指标；先从“登记一项”开始。',
    en: 'The class of a plant, its capacity or the height of a bin decide how figures are computed. Begin with one.',
  },
  'properties.none-area': {
    zh: '登记人口、户数等，供指标换算；标签可写联系人、网格等。先从“登记一项”开始。',
    en: 'Figures use population and households; a label may say who is responsible. Begin with one.',
  },
  'properties.label': { zh: '标签', en: 'Label' },
  'properties.since': { zh: '自 {time}', en: 'since {time}' },
  'properties.from-to': { zh: '{since} 至 {until}', en: '{since} to {until}' },
  'properties.by': { zh: '{by} 登记', en: 'noted by {by}' },
  'properties.former': { zh: '以前的 {n} 项', en: 'Former: {n}' },
  'properties.add': { zh: '登记一项', en: 'Add one' },
  'properties.add-heading': { zh: '登记标签或属性', en: 'Add a label or attribute' },
  'properties.change': { zh: '修改', en: 'Change' },
  'properties.change-heading': { zh: '修改 {name}', en: 'Change {name}' },
  'properties.change-named': { zh: '修改 {name}', en: 'Change {name}' },
  'properties.hint': {
    zh: '从所选小时的开始起有效；之前的值留在履历里，涉及的指标按各时刻的值重新计算。',
    en: 'It holds from the begin of that hour on. What held before stays in the history; figures are computed anew with what held at each time.',
  },
  'properties.end': { zh: '终止', en: 'End' },
  'properties.end-named': { zh: '终止 {name}', en: 'End {name}' },
  'properties.end-hint': {
    zh: '从所选小时的开始起不再有效；之前的仍留在履历里。',
    en: 'It holds no longer from the begin of that hour on; what held before stays in the history.',
  },
  'properties.what': { zh: '登记什么', en: 'What' },
  'properties.own': { zh: '自定义标签', en: 'A label of your own' },
  'properties.key': { zh: '标签名', en: 'Name of the label' },
  'properties.key-hint': {
    zh: '小写字母开头，可含数字和 -，例如 owner',
    en: 'Small letters, digits and -, beginning with a letter; for example owner',
  },
  'properties.value': { zh: '内容', en: 'Value' },
  'properties.value-in': { zh: '数值（{unit}）', en: 'Value ({unit})' },
  'properties.choose': { zh: '请选择（现为“{value}”）', en: 'Choose one (it is "{value}")' },
  'properties.bounds': { zh: '{min} 到 {max}', en: '{min} to {max}' },
  'properties.valid-from': { zh: '从何时起', en: 'From when on' },
  'properties.save': { zh: '保存', en: 'Save' },
  'attribute.facility-class': { zh: '设施规模', en: 'Class of the plant' },
  'attribute.design-capacity': { zh: '设计处理能力', en: 'Design capacity' },
  'attribute.discharge-standard': { zh: '排放标准', en: 'Discharge standard' },
  'attribute.built-year': { zh: '建成年份', en: 'Year built' },
  'attribute.bin-height': { zh: '桶高（桶底到探头）', en: 'Height of the bin, floor to sensor' },
  'attribute.bin-volume': { zh: '桶容积', en: 'Volume of the bin' },
  'attribute.water-body': { zh: '所属水体', en: 'Water body' },
  'attribute.water-kind': { zh: '水体类型', en: 'Kind of water' },
  'attribute.water-class': { zh: '水质目标类别', en: 'Water class' },
  'attribute.function-zone': { zh: '功能区类别', en: 'Function zone' },
  'attribute.sampling-height': { zh: '采样高度', en: 'Sampling height' },
  'attribute.population': { zh: '常住人口', en: 'Population' },
  'attribute.households': { zh: '户数', en: 'Households' },
  'facility-class.small': { zh: '小型（日处理 20 吨以下）', en: 'Small (below 20 t a day)' },
  'facility-class.medium': { zh: '中型（20 到 500 吨）', en: 'Medium (20 to 500 t)' },
  'facility-class.large': { zh: '大型（500 吨及以上）', en: 'Large (500 t and more)' },
  'discharge-standard.GB 18918 1A': {
    zh: '城镇污水处理厂 GB 18918 一级 A',
    en: 'Municipal plants, GB 18918 grade 1A',
  },
  'discharge-standard.GB 18918 1B': {
    zh: '城镇污水处理厂 GB 18918 一级 B',
    en: 'Municipal plants, GB 18918 grade 1B',
  },
  'discharge-standard.GB 18918 2': {
    zh: '城镇污水处理厂 GB 18918 二级',
    en: 'Municipal plants, GB 18918 grade 2',
  },
  'discharge-standard.DB33/973 1': {
    zh: '农村生活污水 DB33/973 一级',
    en: 'Rural sewage, DB33/973 grade 1',
  },
  'discharge-standard.DB33/973 2': {
    zh: '农村生活污水 DB33/973 二级',
    en: 'Rural sewage, DB33/973 grade 2',
  },
  'water-kind.river': { zh: '河流', en: 'River' },
  'water-kind.lake': { zh: '湖泊、水库', en: 'Lake or reservoir' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
