/** A page that comes in a file of its own: shows a skeleton until it is here, and says when it can't be had. */
import { type Signal, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError } from '../api/client.ts';
import { Failure, Skeleton } from '../ui/notices.tsx';
import type { Page, Route } from './topic.ts';

/** The page, why it could not be had, or null while its file is on the way. */
type Fetched = Signal<Page | ApiError | null>;
const fetched = new Map<Route['load'], Fetched>();

function fetchInto(state: Fetched, route: Route): void {
  state.value = null;
  route.load().then(
    (page) => {
      state.value = page;
    },
    (cause: unknown) => {
      state.value = new ApiError('network', 0, String(cause), null, cause);
    },
  );
}

/** Fetches a page's file, unless it is here or on its way. */
export function prepare(route: Route): Fetched {
  const known = fetched.get(route.load);
  if (known !== undefined) return known;
  const state: Fetched = signal(null);
  fetched.set(route.load, state);
  fetchInto(state, route);
  return state;
}

/** The page of a route, with the named parts of the address. */
export function ShownPage({
  route,
  title,
  parameters,
}: {
  route: Route;
  title: string;
  parameters: Readonly<Record<string, string>>;
}) {
  const state = prepare(route);
  useEffect(() => {
    // It was fetched in advance and failed: now that it is wanted, it is worth another try.
    if (state.peek() instanceof ApiError) fetchInto(state, route);
  }, [state]);
  const Shown = state.value;
  if (Shown === null) return <Skeleton lines={10} />;
  return Shown instanceof ApiError ? (
    <Failure whole error={Shown} retry={() => fetchInto(state, route)} />
  ) : (
    <Shown {...parameters} title={title} />
  );
}
