/** The whole console: who is signed in, which page the address shows, and the frame around it. */
import { useEffect } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { ApiError } from '#kit/api/client.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { go, path } from '#kit/router.ts';
import { mayUse, type Session } from '#kit/session.ts';
import { client, profiles, profilesLoaded, session, sessionEnded } from '#kit/state.ts';
import { say, t } from '#kit/text/language.ts';
import { matchRoute, navigation, permitted } from '#kit/topics/routes.ts';
import { prepare, ShownPage } from '#kit/topics/shown.tsx';
import { route, type Topic } from '#kit/topics/topic.ts';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import { Shell } from './shell/shell.tsx';
import { SignIn, SignInAgain } from './sign-in/page.tsx';
import { topics } from './topics.ts';

/** The files of other pages are fetched when the first one has had time to be shown. */
const PREPARE_AFTER_MS = 2_000;
/** One after the other while the browser is idle, or at the latest after this. */
const PREPARE_WITHIN_MS = 2_000;
/** How long the cursor waits for the search field of a page that is still being fetched: five seconds. */
const FRAMES_FOR_SEARCH = 300;

const firstPassword = route('/', () => import('./first-password/page.tsx'));

const notFound = new ApiError('not-found', 404, '');
const forbidden = new ApiError('forbidden', 403, '');

function CurrentPage({ reader }: { reader: Session }) {
  const match = matchRoute(topics, path.value);
  const error = match === null ? notFound : mayUse(match.topic, reader) ? null : forbidden;
  if (match === null || error !== null)
    return <Failure whole error={error ?? notFound} retry={() => go('/')} />;
  return (
    <ShownPage
      key={path.value}
      route={match.route}
      title={say(match.topic.title)}
      parameters={match.parameters}
    />
  );
}

/** `/` asks for the search of the first topic that has one, from anywhere. */
function useSearchKey(search: Topic['search']): void {
  useEffect(() => {
    if (search === undefined) return;
    let frame = 0;
    const pressed = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (
        event.target instanceof HTMLElement &&
        event.target.closest('input, select, textarea') !== null
      )
        return;
      event.preventDefault();
      if (path.value !== search.href) go(search.href);
      cancelAnimationFrame(frame);
      let frames = FRAMES_FOR_SEARCH;
      // The page may just be appearing: its search field is there some frames later.
      const focus = (): void => {
        const field = document.querySelector<HTMLInputElement>(search.field);
        if (field !== null) field.focus();
        else if (path.peek() === search.href && frames-- > 0) frame = requestAnimationFrame(focus);
      };
      frame = requestAnimationFrame(focus);
    };
    document.addEventListener('keydown', pressed);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener('keydown', pressed);
    };
  }, [search]);
}

/** Fetches what the reader may open next: the page of a link that is pointed at, and all others when there is time. */
function usePrepared(open: readonly Topic[]): void {
  useEffect(() => {
    const pointed = ({ target }: Event): void => {
      const link = target instanceof Element ? target.closest('a') : null;
      if (link === null || link.origin !== window.location.origin) return;
      const match = matchRoute(open, link.pathname);
      if (match !== null) prepare(match.route);
    };
    document.addEventListener('pointerover', pointed);
    document.addEventListener('focusin', pointed);
    const left = open.flatMap(({ routes }) => routes);
    const idle = window.requestIdleCallback ?? ((call: () => void) => setTimeout(call, 200));
    let over = false;
    const next = (): void => {
      const route = over ? undefined : left.shift();
      if (route === undefined) return;
      prepare(route);
      idle(next, { timeout: PREPARE_WITHIN_MS });
    };
    const timer = setTimeout(next, PREPARE_AFTER_MS);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('pointerover', pointed);
      document.removeEventListener('focusin', pointed);
    };
  }, []);
}

function SignedIn({ reader }: { reader: Session }) {
  const open = permitted(topics, reader);
  useSearchKey(open.find((topic) => topic.search !== undefined)?.search);
  usePrepared(open);
  const load = useLoad('profiles', async (signal) => {
    const { items } = await client.call(calls.profiles, { signal });
    profiles.value = new Map(items.map((profile) => [profile.id, profile]));
    profilesLoaded.value = true;
    return true;
  });
  return (
    <Shell
      entries={navigation(topics, reader)}
      topic={matchRoute(topics, path.value)?.topic.name ?? null}
    >
      {load.error !== undefined && !profilesLoaded.value ? (
        <Failure whole error={load.error} retry={load.reload} />
      ) : (
        <CurrentPage reader={reader} />
      )}
    </Shell>
  );
}

/** Fetches the page of the present address while the server is still asked who is signed in. */
export function prepareFirstPage(): void {
  const match = matchRoute(topics, path.value);
  if (match !== null) prepare(match.route);
}

/** The console. */
export function App() {
  const load = useLoad('session', async (signal) => {
    try {
      session.value = await client.call(calls.session, { signal });
    } catch (cause) {
      const error = asApiError(cause);
      if (error.status !== 401) throw error;
      session.value = null;
    }
    return true;
  });
  if (session.value === undefined)
    return load.error === undefined ? (
      <Skeleton lines={3} />
    ) : (
      <main>
        <Failure whole error={load.error} retry={load.reload} />
      </main>
    );
  if (session.value === null) return <SignIn />;
  const reader = session.value;
  return (
    <>
      {reader.passwordToChange === true ? (
        <ShownPage route={firstPassword} title={t('password-first')} parameters={{}} />
      ) : (
        // Another person finds nothing of what the one before had before them.
        <SignedIn key={reader.user.name} reader={reader} />
      )}
      {sessionEnded.value && <SignInAgain />}
    </>
  );
}
