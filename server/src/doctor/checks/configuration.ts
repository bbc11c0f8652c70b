/** The configuration: whether it holds, whether all of it is known, and who else can read its secrets. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { timerFromText } from '@village/core';
import { mayHoldPassword } from '../../config/address.ts';
import { envSchema } from '../../config/schema.ts';
import {
  both,
  type Check,
  type Finding,
  fault,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';

/** Variables that other parts of the program read. */
const OTHERS = new Set([
  'VILLAGE_CLOCK',
  'VILLAGE_LAUNCHED_AT',
  'VILLAGE_GATEWAY_SECRET',
  'VILLAGE_UPLINK_URL',
]);

export const configuration: Check = {
  name: 'configuration',
  title: both('配置', 'configuration'),
  run: ({ faults, path }) => {
    // Certificates have a check of their own.
    const own = faults.filter((one) => !one.path.includes('.tls.'));
    if (own.length > 0)
      return own.map((one) =>
        fault(
          'configuration',
          both(`${one.path}：${one.zh}`, `${one.path}: ${one.message}`),
          both(
            '改正该项，再用 npm run serve -- --check 检查',
            'put it right, then npm run serve -- --check',
          ),
        ),
      );
    return [
      ok(
        'configuration',
        existsSync(path)
          ? both(path, path)
          : both('没有 village.yaml，全为默认值', 'no village.yaml, all defaults'),
      ),
    ];
  },
};

/** A simulated clock is for tests: a county's data would have the times of nowhere. */
function clockFinding(said: string | undefined): Finding | null {
  if (said === undefined) return null;
  const remove = both('删除变量 VILLAGE_CLOCK', 'remove the variable VILLAGE_CLOCK');
  try {
    timerFromText(said);
    return warning(
      'environment',
      both(
        'VILLAGE_CLOCK 使服务按模拟时钟运行',
        'VILLAGE_CLOCK makes the server run by a simulated clock',
      ),
      remove,
    );
  } catch (error) {
    return fault(
      'environment',
      both(`VILLAGE_CLOCK 无法识别，不能启动`, `${reasonOf(error)}: nothing starts`),
      remove,
    );
  }
}

export const environment: Check = {
  name: 'environment',
  title: both('环境变量', 'environment'),
  run: ({ environment: variables }) => {
    const simulated = clockFinding(variables['VILLAGE_CLOCK']);
    if (simulated !== null) return [simulated];
    const unknown = Object.keys(variables).filter(
      (name) => name.startsWith('VILLAGE_') && !(name in envSchema.shape) && !OTHERS.has(name),
    );
    return unknown.length === 0
      ? [ok('environment', both('没有未知的 VILLAGE_ 变量', 'no unknown VILLAGE_ variable'))]
      : unknown.map((name) =>
          warning(
            'environment',
            both(`未知变量 ${name}，不起作用`, `unknown variable ${name}, it does nothing`),
            both(
              `改名或删除；可用：${Object.keys(envSchema.shape).join('、')}`,
              `rename or remove it; there are ${Object.keys(envSchema.shape).join(', ')}`,
            ),
          ),
        );
  },
};

/** Files that hold secrets. */
function secretFiles({ config, path, file }: Patient): string[] {
  const found = [config.http.tls?.key, config.mqtt.tls?.key].filter((one) => one !== undefined);
  const url = (file as { relational?: { url?: unknown } } | null)?.relational?.url;
  if (typeof url === 'string' && mayHoldPassword(url)) found.push(path);
  const certificates = join(config.data, 'certificates');
  if (existsSync(certificates))
    for (const name of readdirSync(certificates))
      if (name.endsWith('.key')) found.push(join(certificates, name));
  return [...new Set(found)].filter((one) => existsSync(one));
}

const OTHERS_READ = 0o004;

export const secrets: Check = {
  name: 'secrets',
  title: both('机密文件', 'files with secrets'),
  run: (patient) => {
    const files = secretFiles(patient);
    const open: Finding[] = files
      .filter((path) => (statSync(path).mode & OTHERS_READ) !== 0)
      .map((path) =>
        warning(
          'secrets',
          both(`任何账户都能读取 ${path}`, `every account can read ${path}`),
          both(`chmod o= ${path}`, `chmod o= ${path}`),
        ),
      );
    if (open.length > 0) return open;
    const { length } = files;
    return [
      ok(
        'secrets',
        length === 0
          ? both('没有含机密的文件', 'no file holds any')
          : both(`${length} 个，他人不可读`, `${length}, closed to others`),
      ),
    ];
  },
};
