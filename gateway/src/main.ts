/** `npm run gateway -- [--config gateway.yaml] [--check]`: runs a gateway, or only checks its configuration. */
import './run/memory.ts';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OperationalError, seededRandom, timerFromText } from '@village/core';
import { pino } from 'pino';
import { faultText } from './config/bind.ts';
import { readConfig } from './config/config.ts';
import type { GatewayConfig } from './config/types.ts';
import { prepare, startGateway } from './run/gateway.ts';

const USAGE = '用法 · usage: npm run gateway -- [--config gateway.yaml] [--check]';
const EXIT_USAGE = 2;

function options(): { config: string; check: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', default: 'gateway.yaml' },
        check: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

/** The configuration, or all of its faults on the console and the end of the process. */
function load(path: string, check: boolean): GatewayConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const told =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? '没有这个文件，请用 --config 指明 · there is no such file; --config names it'
        : `读不出来 · can't be read: ${(error as Error).message}`;
    console.error(`${path}: ${told}\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
  const { config, faults } = readConfig(text, process.env, dirname(resolve(path)));
  // A start checks the devices by itself.
  const more = config === null || !check ? [] : prepare(config).faults;
  const all = [faultText(faults), ...more].filter((fault) => fault !== '');
  if (config !== null && all.length === 0) return config;
  console.error(`${path} 有错误 · has faults:\n${all.join('\n')}`);
  process.exit(1);
}

const { config: path, check } = options();
const config = load(path, check);
if (check) {
  console.log(`${path}: 配置无误 · no faults; devices: ${config.devices.length}`);
} else {
  const log = pino({ base: { gateway: config.gateway } });
  try {
    const timer = timerFromText(process.env['VILLAGE_CLOCK']);
    const gateway = await startGateway(config, { timer, random: seededRandom(randomUUID()), log });
    // The next start then needs no compiler for what is loaded by now; a process that is killed would not write it.
    flushCompileCache();
    let stopping: Promise<void> | null = null;
    const stop = async (leave: () => void = () => process.exit(0)): Promise<void> => {
      stopping ??= gateway.stop();
      await stopping;
      leave();
    };
    // With certificates it asks to read them anew, as it does of other services.
    process.on('SIGHUP', () => {
      if (!gateway.reload() && config.uplink.tls === undefined) void stop();
    });
    // Whoever started us with a channel is gone, however it ended: the next one starts another gateway on our folder.
    // Nobody is left to hear an exit code, and the runtime's own way out was seen to wait there for a thread of its own for ever.
    process.once('disconnect', () => void stop(() => process.kill(process.pid, 'SIGKILL')));
    process.once('SIGTERM', () => void stop());
    process.once('SIGINT', () => void stop());
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    log.error({ code: error.code }, error.message);
    process.exit(1);
  }
}
