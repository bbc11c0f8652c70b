/** Real Chromium, on the built console over the fixture server or on any running server, for browser tests. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type Cookie, chromium, type Page } from 'playwright-core';

export type { Cookie, Page } from 'playwright-core';

import { buildConsole } from '../build.ts';
import { type Fixture, type FixtureOptions, PASSWORD, startFixture, USER } from '../dev/fixture.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Whether the browser tests can run here. */
export const hasChromium: boolean = existsSync(CHROMIUM);

/** A machine under load takes its time; the tests wait for conditions, and this long for each at most. */
export const PATIENCE_MS = 15_000;

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly language?: 'zh' | 'en';
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
      const { signIn = true, password = PASSWORD, path = '/' } = options;
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? 'dark' : 'light',
        locale: 'zh-CN',
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

/** Builds the console into a temporary folder and starts the browser. */
export async function startBench(): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'console-'));
  await buildConsole(directory);
  const browser = await startBrowser();
  const fixtures: Fixture[] = [];
  return {
    page: browser.page,
    async fixture(options = {}) {
      const fixture = await startFixture({ directory, devices: 300, now: Date.now(), ...options });
      fixtures.push(fixture);
      return fixture;
    },
    async close() {
      await browser.close();
      for (const fixture of fixtures) await fixture.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
