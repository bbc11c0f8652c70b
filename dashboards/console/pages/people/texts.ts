/** What the pages of people and roles say. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  tabs: { zh: '用户与角色', en: 'People and roles' },
  'tab-people': { zh: '用户', en: 'People' },
  'tab-roles': { zh: '角色与权限', en: 'Roles and rights' },
  search: { zh: '按姓名或用户名查找', en: 'Search by name' },
  'area-any': { zh: '全部区域', en: 'All areas' },
  'role-any': { zh: '全部角色', en: 'All roles' },
  'state-any': { zh: '全部状态', en: 'All states' },
  'can-sign-in': { zh: '可以登录', en: 'Can sign in' },
  locked: { zh: '已锁定', en: 'Locked' },
  'locked-out': { zh: '密码错误，锁定 {n} 分钟', en: 'Wrong passwords: locked for {n} min' },
  'to-change': { zh: '首次登录须改密码', en: 'Must choose a password' },
  name: { zh: '用户名', en: 'User name' },
  'name-hint': {
    zh: '登录时使用；字母、数字、点、横线或下划线。',
    en: 'For signing in: letters, digits, dots, dashes or underscores.',
  },
  'name-taken': {
    zh: '这个用户名已被使用，请换一个。',
    en: 'This user name is taken: choose another.',
  },
  'display-name': { zh: '姓名', en: 'Name' },
  role: { zh: '角色', en: 'Role' },
  'explain.clerk': {
    zh: '查看管辖范围内的数据。',
    en: 'Sees the data of their area.',
  },
  'explain.officer': {
    zh: '查看数据，并可更正数据、处理隔离区。',
    en: 'Sees data, corrects it and sees to the quarantine.',
  },
  'explain.admin': {
    zh: '另外还管理设备、用户与令牌；县级管理员还可查看审计与系统。',
    en: 'Manages devices, people and tokens besides; at the county also the audit log and the system.',
  },
  area: { zh: '管辖范围', en: 'Area of duty' },
  'last-sign-in': { zh: '最近登录', en: 'Last sign-in' },
  state: { zh: '状态', en: 'State' },
  edit: { zh: '修改', en: 'Change' },
  add: { zh: '添加用户', en: 'Add a person' },
  'add-go': { zh: '添加并生成密码', en: 'Add and make a password' },
  'password-hint': {
    zh: '首次密码自动生成，只显示一次；本人登录后必须先改密码。',
    en: 'The first password is made here and shown once; its holder must change it when signing in.',
  },
  'first-password': { zh: '密码（只显示这一次）', en: 'Password (shown this once)' },
  'hand-over': {
    zh: '请把密码交给用户 {name} 本人。对方登录后须先改成自己的密码。',
    en: 'Hand this password to {name} alone. After signing in, another one must be chosen.',
  },
  noted: { zh: '已记下，关闭', en: 'Noted, close' },
  cancel: { zh: '取消', en: 'Cancel' },
  save: { zh: '保存', en: 'Save' },
  saved: { zh: '已保存 {name}', en: '{name} saved' },
  unlock: { zh: '解除锁定', en: 'Unlock' },
  'locked-now': { zh: '{name} 已锁定，已退出登录', en: '{name} is locked and signed out' },
  'unlocked-now': { zh: '{name} 可以登录了', en: '{name} can sign in again' },
  removed: { zh: '{name} 已删除', en: '{name} removed' },
  own: {
    zh: '这是您自己的账号：在“设置”中修改密码；锁定或删除须由另一位管理员操作。',
    en: 'This is your own account: change its password in the settings; another administrator can lock or remove it.',
  },
  'do.reset': { zh: '重设密码', en: 'Reset password' },
  'do.lock': { zh: '锁定', en: 'Lock' },
  'do.remove': { zh: '删除', en: 'Remove' },
  'do.less': { zh: '确认修改', en: 'Change it' },
  'sure.reset': {
    zh: '为 {name} 生成新密码？旧密码立即失效，已登录的会退出。',
    en: 'Make a new password for {name}? The old one ends at once, and so do their sessions.',
  },
  'sure.lock': {
    zh: '锁定 {name}？立即退出登录，解除前不能再登录。其创建的管理员令牌一并停用，其他令牌不受影响。',
    en: 'Lock {name}? They are signed out and can not sign in until unlocked. Administrators’ tokens that they made rest too; other tokens go on.',
  },
  'sure.remove': {
    zh: '删除 {name}？不能恢复；审计记录会保留。其创建的管理员令牌一并撤销，其他令牌不受影响。',
    en: 'Remove {name}? This can not be undone; the audit log stays. Administrators’ tokens that they made are revoked too; other tokens go on.',
  },
  'sure.less': {
    zh: '{name} 是您自己：改变自己的角色或范围后，您可能无法再管理用户。',
    en: '{name} is you: with another role or area you may not manage people any more.',
  },
  'refused.changed-meanwhile': {
    zh: '另一位管理员刚刚修改或删除了这个用户，您的修改没有保存。',
    en: 'Another administrator has just changed or removed this person; your change was not saved.',
  },
  'refused.last-administrator': {
    zh: '这是最后一位全县管理员，不能取消其权限。请先让另一个人成为全县管理员。',
    en: 'This is the last administrator of the whole county: make somebody else one first.',
  },
  'by-now': {
    zh: '现在是：{name}，{role}，{area}',
    en: 'By now: {name}, {role}, {area}',
  },
  'take-over': { zh: '载入最新内容', en: 'Load what holds now' },
  none: { zh: '没有符合条件的用户', en: 'Nobody fits' },
  'none-hint': {
    zh: '换个关键词，或清除筛选；要添加新用户请点“添加用户”。',
    en: 'Try other words or clear the filters; to add somebody, use the button above.',
  },
  clear: { zh: '清除筛选', en: 'Clear filters' },
  'only-you': {
    zh: '目前只有您一个人。请为乡镇工作人员和村级信息员添加账号，不要共用一个账号。',
    en: 'You are the only one yet. Add accounts for officers and village clerks rather than sharing one.',
  },
  'roles-intro': {
    zh: '每个角色有哪些权限由服务器各模块规定，随版本更新，这里只能查看。要改变某人能做什么，请到“用户”页修改其角色或辖区。权限只在各人的管辖范围内有效；标“全县”的只有县级账号才有。',
    en: 'What a role may do is set by the server’s modules, comes with its version, and can only be read here. To change what somebody may do, change their role or area on the page of people. Rights hold within each person’s area; those marked “county” are held by county accounts alone.',
  },
  right: { zh: '权限', en: 'Right' },
  top: { zh: '全县', en: 'county' },
  yes: { zh: '有', en: 'yes' },
  no: { zh: '无', en: 'no' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
