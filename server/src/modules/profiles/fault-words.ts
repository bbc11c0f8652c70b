/** The faults that the checker of profile files finds, in Chinese: one line for each kind, the particulars of the English text in their places. */

const RULES: readonly (readonly [RegExp, string])[] = [
  [/^unknown key$/, '没有这个字段'],
  [/^expected (\w+), received undefined$/, '缺少这一项，应为{type}'],
  [/^expected (\w+), received (\w+)$/, '类型不对：应为{type}，实际是{type}'],
  [/^expected (.+)$/, '应为 {1}'],
  [/^Invalid option: expected one of (.+)$/, '只能是其中之一：{1}'],
  [/^Too small: (.+)$/, '太少或太小：{1}'],
  [/^Too big: (.+)$/, '太多或太大：{1}'],
  [/^must be a duration such as .+$/, '应为时长，如 30s、5m、1h 或 1d'],
  [/^must be vendor\/model$/, '应为“厂商/型号”'],
  [/^must be lower-case words joined by hyphens$/, '应为小写单词，用连字符连接'],
  [
    /^must be a path \(or, with payload tlv, a field\)$/,
    '应为路径（payload 为 tlv 时也可以是 field）',
  ],
  [/^must be topic or payload$/, '应为 topic 或 payload'],
  [/^must be optional: true.*$/, '必须写 optional: true'],
  [/^must be one of the values$/, '必须是所列的值之一'],
  [/^must be longer than nothing$/, '必须大于零'],
  [/^must be longer than `(\w+)`$/, '必须大于 {1}'],
  [/^must not be shorter than `(\w+)`$/, '不能小于 {1}'],
  [/^must not be 0$/, '不能为 0'],
  [/^must be above (\d+): it decodes otherwise than before$/, '必须大于 {1}：解析方法与现行的不同'],
  [/^must stand on a line of its own$/, '必须单独占一行'],
  [/^must be a short decimal$/, '应为简短的小数'],
  [/^is no name that can stand here$/, '这里不能用这个名称'],
  [/^is still to be filled in$/, '尚未填写'],
  [/^is longer than (\d+) characters$/, '超过 {1} 个字符'],
  [/^no full example shows (.+)$/, '没有一个完整的样例给出 {1}'],
  [/^there is no metric (.+)$/, '没有监测项 {1}'],
  [/^there is no block (.+)$/, '没有数据块 {1}'],
  [/^there is no channel (.+)$/, '没有通道 {1}'],
  [/^there is no kind of channel (.+)$/, '没有这一种通道：{1}'],
  [/^no record of tlv has a field (.+)$/, 'tlv 的记录里没有字段 {1}'],
  [/^is (.+) \(([\w-]+)\) by the rules$/, '按规则解析得 {1}（{2}）'],
  [/^(.+) is missing: it is (.+) by the rules$/, '缺少 {1}：按规则解析得 {2}'],
  [/^the frame is decoded without error$/, '报文可以解析，没有错误'],
  [/^the frame says (.+)$/, '报文里是 {1}'],
  [/^the topic says (.+)$/, '主题里是 {1}'],
  [/^payload is missing$/, '缺少 payload'],
  [/^topic is missing$/, '缺少主题 topic'],
  [/^address is missing$/, '缺少地址 address'],
  [/^ends beyond address 65535$/, '超出地址 65535'],
  [/^does not match mqtt\.topic$/, '与 mqtt.topic 不符'],
  [/^mqtt\.topic must end with # for this$/, '此处要求 mqtt.topic 以 # 结尾'],
  [/^is no topic filter$/, '不是有效的主题过滤式'],
  [
    /^(.+) claims the same topic; .+$/,
    '{1} 已占用同一主题；如确需共用，两者都要写 sharedTopic: true',
  ],
  [/^protocol is ([\w-]+), but there is no ([\w-]+) section$/, '协议是 {1}，却没有 {2} 一节'],
  [/^protocol is ([\w-]+), so there must be no ([\w-]+) section$/, '协议是 {1}，不应有 {2} 一节'],
  [/^only MQTT profiles have events$/, '只有 MQTT 类型可以有事件'],
  [/^no rule uses it$/, '没有规则用到它'],
  [/^a state has none$/, '状态量没有这一项'],
  [/^make (\d+) metrics of all; at most (\d+)$/, '合计 {1} 个监测项，最多 {2} 个'],
  [
    /^([a-z]+(?:-[a-z]+)+): (.+); list it under refused$/,
    '样例不能解析（{1}：{2}）；如本应拒绝，请写在 refused 里',
  ],
  [/^([a-z]+(?:-[a-z]+)+): (.+)$/, '样例不能解析（{1}：{2}）'],
  [/^Unexpected (.+)$/, 'YAML 格式有误，此处不该出现 {1}'],
  [/^Nested mappings are not allowed in compact mappings$/, 'YAML 格式有误：一行里嵌套了两层映射'],
  [/^Implicit keys need to be on a single line$/, 'YAML 格式有误：键必须写在一行内'],
  [/^needs an example with all readings of its frame$/, '至少要有一个给出全部数值的样例'],
  [
    /^needs an example of a frame that must be refused .+$/,
    '至少要有一个应被拒绝的样例（error 或 refused）',
  ],
  [
    /^(?:A block sequence may|Implicit map keys|Block collections|Flow sequence).+$/,
    'YAML 格式有误：键和值没有写对位置',
  ],
  [/^Map keys must be unique$/, '同一个键写了两次'],
  [/^could not be checked within (.+) s$/, '{1} 秒内未能校验完'],
  [/^could not be checked.*$/, '未能校验这个文件'],
];

const TYPES: Readonly<Record<string, string>> = {
  string: '文本',
  number: '数字',
  int: '整数',
  boolean: '是或否',
  object: '映射',
  record: '映射',
  array: '列表',
  null: '空',
  tuple: '列表',
};

/** The fault in Chinese; null for one that only the English text tells. */
export function inChinese(message: string): string | null {
  for (const [pattern, text] of RULES) {
    const found = pattern.exec(message);
    if (found === null) continue;
    let nth = 0;
    return text
      .replaceAll('{type}', () => TYPES[found[++nth] ?? ''] ?? found[nth] ?? '')
      .replaceAll(/\{(\d)\}/g, (_all, n: string) => found[Number(n)] ?? '');
  }
  return null;
}
