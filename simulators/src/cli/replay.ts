/** `replay`: sends measured files, or prints the devices that they speak of. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DEVICE_COLUMNS, systemTimer } from '@village/core';
import { SingleBar } from 'cli-progress';
import { parse as parseCsv } from 'csv-parse/sync';
import { demoSecret } from '../county/plan.ts';
import { csvLine } from '../county/plan-files.ts';
import { type Mapping, parseMapping } from '../replay/mapping.ts';
import { registerDevices } from '../replay/registration.ts';
import { replayDevices, replayFiles } from '../replay/replay.ts';
import { type Flags, local, mqttUrl, profilesOf, refuse, text, whole } from './flags.ts';
import { stop } from './stop.ts';

/** devices.csv of the devices in the files, each with a secret of its own. */
async function devicesOf(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<string> {
  const seed = whole(flags, 'seed', 0, 2 ** 31, 1);
  const demo = flags['demo-secrets'] === true;
  const ids = await replayDevices({ files, mapping, signal: stop.signal });
  const prefix = 'prefix' in mapping.device ? mapping.device.prefix.length : 0;
  const lines = ids.map((id) =>
    csvLine([
      id,
      mapping.name.replace('{}', id.slice(prefix)),
      mapping.profile.id,
      mapping.area,
      ...['', '', '', '', ''],
      demo ? demoSecret(seed, id) : randomBytes(24).toString('base64url'),
    ]),
  );
  return `${[DEVICE_COLUMNS.join(','), ...lines].join('\n')}\n`;
}

async function printDevices(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<void> {
  const csv = await devicesOf(files, mapping, flags);
  if (flags['out'] === undefined) process.stdout.write(csv);
  else writeFileSync(resolve(text(flags, 'out')), csv, { mode: 0o600 });
}

function secretsIn(csv: string): Map<string, string> {
  const rows = parseCsv<Record<string, string>>(csv, { columns: true, skip_empty_lines: true });
  return new Map(rows.map((row) => [row['id'] ?? '', row['secret'] ?? '']));
}

/** Secrets from the file named, or of devices that are registered now, with new secrets. */
async function secretsFor(
  files: readonly string[],
  mapping: Mapping,
  flags: Flags,
): Promise<Map<string, string>> {
  if (flags['credentials'] !== undefined)
    return secretsIn(readFileSync(resolve(text(flags, 'credentials')), 'utf8'));
  const url = text(flags, 'http', local('http', '8080'));
  const password = process.env['VILLAGE_ADMIN_PASSWORD'];
  if (password === undefined || password === '')
    return refuse(
      `replay needs --credentials DEVICES.csv, or VILLAGE_ADMIN_PASSWORD to register the devices itself at ${url}`,
    );
  const csv = await devicesOf(files, mapping, flags);
  if (flags['check'] !== true)
    await registerDevices({ url, user: 'admin', password, csv, signal: stop.signal });
  return secretsIn(csv);
}

export async function replay(files: readonly string[], flags: Flags): Promise<void> {
  if (files.length === 0) refuse('replay needs files');
  const mapping = parseMapping(
    readFileSync(resolve(text(flags, 'map')), 'utf8'),
    profilesOf(flags),
  );
  if (flags['print-devices'] === true) return printDevices(files, mapping, flags);
  const secrets = await secretsFor(files, mapping, flags);
  const order = text(flags, 'order', 'given');
  if (order !== 'given' && order !== 'random') return refuse('--order is given or random');
  const bytesTotal = files.reduce((sum, file) => sum + statSync(file).size, 0);
  if (flags['check'] === true) {
    console.log(
      `ok: ${files.length} files, ${secrets.size} secrets, ${mapping.columns.length} columns`,
    );
    return;
  }
  const bar = process.stderr.isTTY
    ? new SingleBar({
        format: '{bar} {percentage}% | {rows} rows acknowledged | {eta_formatted}',
        stream: process.stderr,
      })
    : undefined;
  bar?.start(bytesTotal, 0, { rows: 0 });
  try {
    const report = await replayFiles({
      files,
      mapping,
      mqttUrl: mqttUrl(flags),
      secretOf: (id) => secrets.get(id),
      timer: systemTimer,
      signal: stop.signal,
      order,
      seed: whole(flags, 'seed', 0, 2 ** 31, 1),
      ...(flags['rate'] === undefined ? {} : { rate: whole(flags, 'rate', 1, 10_000_000) }),
      onProgress: (rows, bytes) => bar?.update(bytes, { rows }),
    });
    bar?.stop();
    console.log(JSON.stringify(report));
  } finally {
    bar?.stop();
  }
}
