/** Which page an address shows. The device page, with its chart, is fetched when first needed. */
import { signal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { profiles as profilesCheck, session } from '#kit/api/answers.ts';
import { ApiError } from '#kit/api/client.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { go, path } from '#kit/router.ts';
import { client, profiles, user } from '#kit/state.ts';
import { Failure, Skeleton } from '#kit/ui/parts.tsx';
import { Devices } from './pages/devices/page.tsx';
import { Overview } from './pages/overview/page.tsx';
import { Settings } from './pages/settings/page.tsx';
import { Shell } from './shell/shell.tsx';
import { SignIn } from './sign-in/page.tsx';

/** A page that comes in a file of its own: shows a skeleton until it is here, and says when it can't be had. */
function later<P extends object>(
  fetchPage: () => Promise<FunctionComponent<P>>,
): FunctionComponent<P> {
  const loaded = signal<FunctionComponent<P> | ApiError | null>(null);
  const start = (): void => {
    loaded.value = null;
    fetchPage().then(
      (page) => {
        loaded.value = page;
      },
      (cause: unknown) => {
        loaded.value = new ApiError('network', 0, String(cause), null, cause);
      },
    );
  };
  return function Later(props: P) {
    useEffect(() => {
      if (loaded.value === null) start();
    }, []);
    const Page = loaded.value;
    if (Page === null) return <Skeleton />;
    return Page instanceof ApiError ? (
      <Failure whole error={Page} retry={start} />
    ) : (
      <Page {...props} />
    );
  };
}

const DevicePage = later<{ id: string }>(
  async () => (await import('./pages/device/page.tsx')).DevicePage,
);
const Quarantine = later<object>(
  async () => (await import('./pages/quarantine/page.tsx')).Quarantine,
);
const System = later<object>(async () => (await import('./pages/system/page.tsx')).SystemPage);

const notFound = new ApiError('not-found', 404, '');

function Page() {
  const [, first, second, extra] = path.value.split('/');
  if (extra !== undefined) return <Failure whole error={notFound} retry={() => go('/')} />;
  if (first === '') return <Overview key="own" code={user.value?.area.code ?? ''} />;
  if (first === 'areas' && second) return <Overview key={second} code={second} />;
  if (first === 'devices' && !second) return <Devices />;
  if (first === 'devices' && second)
    return <DevicePage key={second} id={decodeURIComponent(second)} />;
  if (first === 'quarantine') return <Quarantine />;
  if (first === 'system') return <System />;
  if (first === 'settings') return <Settings />;
  return <Failure whole error={notFound} retry={() => go('/')} />;
}

/** `/` asks for the list's search from anywhere. */
function useSearchKey(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (
        event.target instanceof HTMLElement &&
        event.target.closest('input, select, textarea') !== null
      )
        return;
      event.preventDefault();
      if (path.value !== '/devices') go('/devices');
      // The list may just be appearing: its search field is there after the next frame.
      requestAnimationFrame(() =>
        document.querySelector<HTMLInputElement>('#device-search')?.focus(),
      );
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, []);
}

function SignedIn() {
  useSearchKey();
  const load = useLoad('profiles', async (signal) => {
    const { items } = await client.ask('/profiles', profilesCheck, { signal });
    profiles.value = new Map(items.map((profile) => [profile.id, profile]));
    return true;
  });
  return (
    <Shell>
      {load.error !== undefined && profiles.value.size === 0 ? (
        <Failure whole error={load.error} retry={load.reload} />
      ) : (
        <Page />
      )}
    </Shell>
  );
}

/** The whole console. */
export function App() {
  const load = useLoad('session', async (signal) => {
    try {
      user.value = (await client.ask('/session', session, { signal })).user;
    } catch (cause) {
      const error = asApiError(cause);
      if (error.status !== 401) throw error;
      user.value = null;
    }
    return true;
  });
  if (user.value === undefined)
    return load.error === undefined ? (
      <Skeleton lines={3} />
    ) : (
      <main>
        <Failure whole error={load.error} retry={load.reload} />
      </main>
    );
  return user.value === null ? <SignIn /> : <SignedIn />;
}
