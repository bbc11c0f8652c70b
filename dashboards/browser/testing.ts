/** Real Chromium, on the built console over the fixture server or on any running server, for browser tests. */
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, type Cookie, chromium, type Page } from 'playwright-core';

export type { Cookie, Locator, Page } from 'playwright-core';

import { buildConsole } from '../build.ts';
import { type Fixture, type FixtureOptions, PASSWORD, startFixture, USER } from '../dev/fixture.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Whether the browser tests can run here. */
export const hasChromium: boolean = existsSync(CHROMIUM);

/** A machine under load takes its time; the tests wait for conditions, and this long for each at most. */
export const PATIENCE_MS = 30_000;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly language?: 'zh' | 'en';
  /** Where the machine of the reader believes to be; Beijing's zone when not given. */
  readonly zone?: string;
  readonly signIn?: boolean;
  readonly password?: string;
  /** A session that another page has begun; nobody signs in then. */
  readonly cookies?: Cookie[];
  readonly path?: string;
}

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Script errors and broken content policies. */
  readonly faults: string[];
}

export interface TestBrowser {
  /** A page with its own cookies, signed in unless told otherwise; complaints of the page are kept in `faults`. */
  page(server: { readonly url: string }, options?: PageOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface Bench extends TestBrowser {
  /** The built console. */
  readonly directory: string;
  /** A fixture of its own, closed with the bench. */
  fixture(options?: Partial<FixtureOptions>): Promise<Fixture>;
}

/** Starts the browser. */
export async function startBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--disable-background-networking'],
  });
  return {
    async page(server, options = {}) {
      const { width = 1440, height = 900, dark = false, language = 'zh' } = options;
      const { zone = 'Asia/Shanghai' } = options;
      const { signIn = true, password = PASSWORD, path = '/' } = options;
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        locale: 'zh-CN',
        timezoneId: zone,
      });
      if (language === 'en')
        await context.addInitScript(() => localStorage.setItem('language', 'en'));
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
          faults.push(message.text());
      });
      if (options.cookies !== undefined) await context.addCookies(options.cookies);
      else if (signIn) {
        const answer = await context.request.post(`${server.url}/api/v1/session`, {
          headers: { origin: server.url },
          data: { user: USER, password },
        });
        if (!answer.ok()) throw new Error(`sign-in: ${answer.status()} ${await answer.text()}`);
      }
      await page.goto(server.url + path);
      return { page, context, faults };
    },
    close: () => browser.close(),
  };
}

const WORKSPACE = fileURLToPath(new URL('..', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** A copy of this workspace in `folder`, with further topics in its pages, as if somebody had added their folders. */
function copyWith(topics: readonly string[], folder: string): string {
  const workspace = join(folder, 'dashboards');
  cpSync(WORKSPACE, workspace, {
    recursive: true,
    filter: (path) => !/^(dist|browser|dev|node_modules)\b/.test(relative(WORKSPACE, path)),
  });
  symlinkSync(MODULES, join(folder, 'node_modules'), 'junction');
  for (const topic of topics)
    cpSync(topic, join(workspace, 'console/pages', basename(topic)), { recursive: true });
  return workspace;
}

/** Builds the console into a temporary folder, with the folders of further topics if given, and starts the browser. */
export async function startBench({
  topics = [],
}: {
  topics?: readonly string[];
} = {}): Promise<Bench> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'console-')));
  const directory = join(folder, 'dist');
  if (topics.length === 0) await buildConsole(directory);
  else await buildConsole(directory, copyWith(topics, folder));
  const browser = await startBrowser();
  const fixtures: Fixture[] = [];
  return {
    page: browser.page,
    directory,
    async fixture(options = {}) {
      const fixture = await startFixture({ directory, devices: 300, now: Date.now(), ...options });
      fixtures.push(fixture);
      return fixture;
    },
    async close() {
      await browser.close();
      for (const fixture of fixtures) await fixture.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
