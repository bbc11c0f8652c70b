/** Every action that the server can write into the audit log has words: actions are read from the sources that write them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ACTIONS } from './texts.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
/** Workspaces whose code writes entries. */
const WRITERS = ['server', 'registry', 'platform'];

/** What stands for a placeholder in the name of an action. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  kind: ['area', 'device', 'gateway'],
  'owner.kind': ['device', 'area'],
};

/** Names of actions in an expression: quoted ones, and those made of a kind. */
function namesIn(expression: string): string[] {
  const quoted = [...expression.matchAll(/'([a-z-]+)'/g)].map(([, name = '']) => name);
  const made = [...expression.matchAll(/`([a-z-]*)\$\{([\w.]+)\}`/g)].flatMap(
    ([, start = '', placeholder = '']) =>
      KINDS[placeholder]?.map((kind) => start + kind) ?? [`${start}\${${placeholder}}`],
  );
  return [...quoted, ...made];
}

/** All that a source hands on as an action. */
const actionsIn = (source: string): string[] =>
  [...source.matchAll(/\baudited\(\s*([^,)]+)|\baction:\s*((?:\$\{[^}]*\}|[^,};])+)/g)].flatMap(
    ([, called, named]) => namesIn(called ?? named ?? ''),
  );

describe('actions', () => {
  const sources = WRITERS.flatMap((workspace) => {
    const folder = join(root, workspace, 'src');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => name.endsWith('.ts') && !/(\.test|testing)\.ts$|child\.ts$/.test(name))
      .filter((name) => !name.startsWith('fixtures/'))
      .map((name) => readFileSync(join(folder, name), 'utf8'));
  });
  const written = new Set(sources.flatMap(actionsIn));

  it('are found however they are written', () => {
    // A placeholder as the sources have it.
    const placed = (name: string): string => `\${${name}}`;
    expect(
      actionsIn(
        `x = audited('a-b', id); y = { action: n ? \`add-${placed('kind')}\` : 'c', origin }`,
      ),
    ).toEqual(['a-b', 'c', 'add-area', 'add-device', 'add-gateway']);
    expect(actionsIn(`audited(\`new-${placed('thing')}\`, id)`)).toEqual([
      `new-${placed('thing')}`,
    ]);
    expect([...written]).toEqual(
      expect.arrayContaining([
        'sign-in',
        'trim-audit',
        'describe-area',
        'change-gateway',
        'backup',
      ]),
    );
  });
  it('all have words, and no words are left of one that nothing writes', () => {
    expect([...written].sort()).toEqual([...ACTIONS].sort());
  });
});
