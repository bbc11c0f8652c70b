/** The standards that a server judges by: what ships, with what the county's files say. */
import { OperationalError } from '@village/core';
import { loadStandards, type Standards } from '@village/platform';
import type { Config } from './config/config.ts';

/** @throws bad-config when a file has got a fault since the configuration was read */
export function standardsOf({ standards: files }: Pick<Config, 'standards'>): Standards {
  const { standards, faults } = loadStandards(files);
  const [first] = faults;
  if (first === undefined) return standards;
  throw new OperationalError(
    'bad-config',
    `${first.file} 在启动时被改动：${first.zh} · was changed while the server started: ${first.message}`,
  );
}
