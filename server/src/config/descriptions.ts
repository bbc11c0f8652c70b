/** What each key of the configuration means, in both languages and in the order of server/README.md. */

export interface Described {
  readonly zh: string;
  readonly en: string;
  /** How its value is written: milliseconds as `15m`; what must not be shown as nothing, or without its password. */
  readonly kind?: 'duration' | 'secret' | 'address';
  /** The variable that says it, before the file does. */
  readonly variable?: string;
  /** Where the value is in the configuration, when that is not the key. */
  readonly at?: string;
  /** What was made of it: seconds where others are milliseconds. */
  readonly times?: number;
}

const key = (zh: string, en: string, more: Omit<Described, 'zh' | 'en'> = {}): Described => ({
  zh,
  en,
  ...more,
});
const duration = (zh: string, en: string, more: Omit<Described, 'zh' | 'en'> = {}): Described =>
  key(zh, en, { kind: 'duration', ...more });

/** A limit of the broker, which knows it under another name. */
const limit = (at: string, zh: string, en: string, more: Omit<Described, 'zh' | 'en'> = {}) =>
  key(zh, en, { at: `mqtt.limits.${at}`, ...more });

const tls = (prefix: string, zh: string, en: string): Record<string, Described> => ({
  [`${prefix}.cert`]: key(`${zh}证书文件（PEM）`, `Certificate of ${en} (PEM)`),
  [`${prefix}.key`]: key(`${zh}私钥文件（PEM）`, `Private key of ${en} (PEM)`),
  [`${prefix}.ca`]: key(
    `${zh}承认哪个机构签发的客户端证书`,
    `Whose client certificates count for ${en}`,
  ),
  [`${prefix}.clients`]: key(
    `${zh}客户端证书：不用、可选、必需`,
    `Client certificates of ${en}: none, optional or required`,
  ),
});

/** What only the environment says. */
export const VARIABLES: Readonly<Record<string, Described>> = {
  VILLAGE_DATA: key('数据文件夹', 'Folder of everything stored', { at: 'data' }),
  VILLAGE_CONFIG: key('配置文件', 'The configuration file', { at: 'origin.path' }),
  VILLAGE_ADMIN_PASSWORD: key('首次启动时 admin 的密码', 'Password of admin at the first start', {
    at: 'adminPassword',
    kind: 'secret',
  }),
  VILLAGE_INFLUXDB_PASSWORD: key('InfluxDB 密码', 'Password at InfluxDB', {
    at: 'influxPassword',
    kind: 'secret',
  }),
  VILLAGE_LOG_LEVEL: key('日志级别', 'How much the log says', { at: 'logLevel' }),
};

/** What village.yaml may say. */
export const KEYS: Readonly<Record<string, Described>> = {
  'http.host': key('网页与接口监听的地址', 'Address that HTTP listens on', {
    variable: 'VILLAGE_HTTP_HOST',
  }),
  'http.port': key('网页与接口端口', 'Port of pages and interface', {
    variable: 'VILLAGE_HTTP_PORT',
  }),
  'http.secureCookies': key('Cookie 仅经 https 发送', 'Cookies go over https alone'),
  'http.requestTimeout': duration(
    '请求须在此时间内到齐（登录用户上传的文件每 128 KiB 另加 1 秒）',
    'How long a request may take to arrive; a file of who is signed in has a second more for each 128 KiB',
  ),
  'http.answerTimeout': duration('应答须在此时间内作出', 'How long an answer may take to be made'),
  'http.idleTimeout': duration(
    '连接上无动静多久即断开',
    'How long nothing may move on a connection',
  ),
  'http.trustProxy': key(
    '哪些代理的 X-Forwarded-* 可信',
    'Proxies whose X-Forwarded-* headers are believed',
  ),
  'http.proxyProtocol': key(
    '哪些代理以 PROXY 头开始每个连接',
    'Proxies that begin each connection with a PROXY header',
  ),
  ...tls('http.tls', '网页', 'HTTP'),
  'mqtt.host': key('MQTT 监听的地址', 'Address that MQTT listens on'),
  'mqtt.port': key('MQTT 端口', 'Port of MQTT', { variable: 'VILLAGE_MQTT_PORT' }),
  'mqtt.proxyProtocol': key(
    '哪些 MQTT 代理以 PROXY 头开始每个连接',
    'Proxies of MQTT that begin each connection with a PROXY header',
  ),
  ...tls('mqtt.tls', 'MQTT ', 'MQTT'),
  'mqtt.tls.port': key(
    'MQTT 的 TLS 端口；不写则唯一端口为 TLS',
    'Port of MQTT over TLS; without it the only port is this',
  ),
  'mqtt.websocket.port': key('WebSocket 端口', 'Port of MQTT over WebSocket'),
  'mqtt.websocket.path': key('WebSocket 路径', 'Path of MQTT over WebSocket'),
  'mqtt.websocket.origins': key(
    '哪些网站的页面可经 WebSocket 连接',
    'Sites whose pages may connect over WebSocket',
  ),
  'mqtt.websocket.tls': key('WebSocket 是否为 wss', 'Whether WebSocket is wss'),
  'mqtt.clientIds': key(
    '凭据是否绑定首次使用的客户端标识',
    'Whether a credential is bound to the client id of its first use',
  ),
  'mqtt.limits.connections': limit('connectionsMax', '最多连接数', 'Connections at most'),
  'mqtt.limits.connectionsPerAddress': limit(
    'connectionsPerAddressMax',
    '每个地址最多连接数',
    'Connections of one address',
  ),
  'mqtt.limits.sessionsPerUser': limit(
    'sessionsPerUserMax',
    '每个凭据同时打开的会话数',
    'Sessions open at once with one credential',
  ),
  'mqtt.limits.connectsPerSecond': limit(
    'connectsPerAddressPerSecond',
    '每个地址每秒新连接数',
    'New connections a second from one address',
  ),
  'mqtt.limits.messagesPerSecond': limit(
    'messagesPerSecond',
    '每个客户端每秒消息数；更快则放慢读取',
    'Messages a second of one client; more are read later',
  ),
  'mqtt.limits.packetBytesBeforeConnect': limit(
    'packetBytesBeforeConnect',
    '登录前报文最大字节数',
    'Bytes of a packet before sign-in',
  ),
  'mqtt.limits.packetBytes': limit('packetBytes', '报文最大字节数', 'Bytes of a packet'),
  'mqtt.limits.connectTimeout': limit(
    'connectTimeoutMs',
    '须在此时间内登录',
    'How long signing in may take',
    { kind: 'duration' },
  ),
  'mqtt.limits.drainTimeout': limit(
    'drainTimeoutMs',
    '客户端不收数据多久即断开',
    'How long a client may not take what it is sent',
    { kind: 'duration' },
  ),
  'mqtt.limits.keepaliveMax': limit(
    'keepaliveMaxSeconds',
    '未要求心跳者的心跳时间',
    'Keep-alive of clients that ask for none',
    { kind: 'duration', times: 1000 },
  ),
  'mqtt.limits.topicLevels': limit('topicLevels', '主题最多层数', 'Levels of a topic'),
  'mqtt.limits.inFlight': limit(
    'inFlightMax',
    '尚未落盘的消息数上限',
    'Messages that are not on disk yet',
  ),
  'mqtt.limits.partialBytes': limit(
    'partialBytesMax',
    '半收报文总字节数上限',
    'Bytes of half-received packets',
  ),
  'mqtt.limits.unreadBytes': limit(
    'unreadBytesMax',
    '每个客户端未读字节数上限',
    'Bytes that one client may leave unread',
  ),
  'store.sealEvery': duration('日志多久归档一次', 'How often the log is moved into the archive'),
  'store.retention': duration(
    '读数保存多久；不写则永久保存',
    'Readings older than this are deleted; unset keeps all',
  ),
  'store.framesRetention': duration('原始报文保存多久', 'How long frames are kept'),
  'store.framesPerDeviceMegabytes': key(
    '每台设备每天保存的报文（MB）',
    'Frames kept of one device and day, MB',
  ),
  'store.diskReserveMegabytes': key(
    '磁盘剩余低于此值（MB）即停止接收',
    'Free disk below which nothing is taken in, MB',
  ),
  'store.memoryMegabytes': key('查询与归档所用内存（MB）', 'Memory of queries and sealing, MB'),
  'store.journalMegabytes': key('待归档日志上限（MB）', 'Log that may wait for the archive, MB'),
  'store.spillMegabytes': key(
    '查询可用的临时磁盘（MB）',
    'Disk that queries may take for a while, MB',
  ),
  'exports.folder': key('导出文件的文件夹', 'Where files lie until they are fetched'),
  'exports.megabytes': key('导出文件上限（MB）', 'What files may take together, MB'),
  'exports.megabytesPerSecond': key(
    '导出写盘速度（MB/s）',
    'How fast files are written, MB a second',
  ),
  'exports.keep': duration('导出文件保留多久', 'How long a file lies there for its asker'),
  'audit.retention': duration(
    '审计日志保存多久，至少 180 天',
    'How long the audit log is kept, 180 days at least',
  ),
  'backup.nightly': key('每夜自动备份', 'A backup each night'),
  'backup.keep': key('保留几个备份', 'Whole backups kept'),
  'backup.folder': key('备份文件夹，宜在另一块磁盘', 'Folder of backups, best on another disk'),
  'relational.url': key(
    'PostgreSQL 地址；不写则用 SQLite',
    'Address of PostgreSQL; SQLite without',
    { kind: 'address' },
  ),
  'timeSeries.engine': key('历史数据存于何处', 'Where readings are kept for years'),
  'timeSeries.url': key('InfluxDB 地址', 'Address of InfluxDB', { kind: 'address' }),
  'timeSeries.database': key('InfluxDB 数据库', 'Database in InfluxDB'),
  'timeSeries.username': key('InfluxDB 用户名', 'User at InfluxDB'),
  catalogs: key('自有设备型号文件夹', 'Folders of device profiles beside the built-in ones'),
  standards: key(
    '本县核定的标准值文件',
    'Files of values of standards that the county answers for',
  ),
  areas: key('每次启动导入的区域表', 'A table of areas to import at each start'),
  'county.code': key('县区划代码', 'Code of the county'),
  'county.zh': key('县名', 'Name of the county in Chinese'),
  'county.en': key('县英文名', 'Name of the county in English'),
  'clock.trust': key(
    '即使与数据相差数年也相信本机时钟',
    'The clock is right although it is years from what was stored',
  ),
  'corrections.secondPersonAfter': duration(
    '证据多旧之后订正需第二人同意',
    'Age from which on a correction of evidence needs a second person',
    { at: 'corrections.secondPersonAfterMs' },
  ),
  'limits.requestsPerMinute': key('每个账户每分钟请求数', 'Requests a minute of one account'),
  'limits.signInsPerMinute': key('每分钟登录次数', 'Sign-ins a minute'),
  'limits.failuresPerAccount': key(
    '账户输错几次密码后锁定',
    'Wrong passwords before an account is locked',
  ),
  'limits.failuresPerAddress': key(
    '地址输错几次密码后锁定',
    'Wrong passwords before an address is locked',
  ),
  'limits.liveClients': key('实时页面数上限', 'Open pages that are told of changes'),
  'limits.httpConnections': key('HTTP 连接数上限', 'Connections of HTTP'),
  'limits.httpConnectionsPerAddress': key(
    '每个地址的 HTTP 连接数上限',
    'Connections of HTTP from one address',
  ),
};
