/**
 * `npm run rules -- check|test [FILE…] [--profiles DIR]`: tells every fault of files of rules, with line and column; `test` also runs the tests
 * in them and prints what came otherwise.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadWithOwn } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { builtinRules, ruleFilesIn } from './catalog.ts';
import { faultText, type Known, type ReadRules, readRules } from './format/index.ts';
import { limitsOf } from './limits.ts';
import { testFile } from './testing/files.ts';

const USAGE = '用法 · usage: npm run rules -- check|test [FILE…] [--profiles DIR]';
const EXIT_USAGE = 2;

interface Asked {
  readonly command: 'check' | 'test';
  readonly files: readonly string[];
  readonly profiles: readonly string[];
}

/** What is asked for; undefined where it is not understood. */
function asked(): Asked | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { profiles: { type: 'string', multiple: true, default: [] } },
    });
    const [command, ...files] = positionals;
    if (command !== 'check' && command !== 'test') return undefined;
    return {
      command,
      files: files.length > 0 ? files : ruleFilesIn(builtinRules),
      profiles: values.profiles,
    };
  } catch (error) {
    console.error((error as Error).message);
    return undefined;
  }
}

/** The types of devices that rules are checked against; their own faults are told, and the others are used. */
function known(folders: readonly string[]): Known {
  const { profiles, faults } = loadWithOwn(folders);
  for (const { file, line = 1, column = 1, path, message } of faults)
    console.error(`${file}:${line}:${column}: ${path}: ${message}`);
  return { profiles: [...profiles.values()], standards: builtinStandards };
}

function read(file: string, against: Known): ReadRules | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    console.error(`${file}: 读不出来 · can't be read: ${(error as Error).message}`);
    return null;
  }
  return readRules(text, { file, known: against });
}

/** Whether all is sound and, where they are run, all tests pass. */
function run({ command, files, profiles }: Asked): boolean {
  const against = known(profiles);
  const options = {
    profiles: new Map(against.profiles.map((profile) => [profile.id, profile])),
    limitOf: limitsOf(builtinStandards),
  };
  const sum = { passed: 0, failed: 0 };
  let sound = true;
  for (const file of files) {
    const found = read(file, against);
    for (const fault of found?.faults ?? []) console.log(faultText(fault));
    const set = found?.set ?? null;
    if (set === null || found === null) {
      sound = false;
      continue;
    }
    console.log(
      `${file}: ${set.rules.length} 条规则 · rules, ${found.tests.length} 个测试 · tests`,
    );
    if (command === 'check') continue;
    const { passed, failed, lines } = testFile(file, set, found.tests, options);
    for (const line of lines) console.log(line);
    sum.passed += passed;
    sum.failed += failed;
  }
  if (command === 'test') console.log(`${sum.passed} 通过 · passed, ${sum.failed} 失败 · failed`);
  return sound && sum.failed === 0;
}

const wanted = asked();
if (wanted === undefined) {
  console.error(USAGE);
  process.exitCode = EXIT_USAGE;
} else if (!run(wanted)) process.exitCode = 1;
