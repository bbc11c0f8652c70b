/** The page of one value, of a device's figure or an area's: what it rests on, what it was before, and its inputs, which each kind shows in its own way. */
import type { ComponentChildren } from 'preact';
import type { AreaRef, ExplainedFigure } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { type Load, useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Crumbs, useTitle } from '#kit/ui/page.tsx';
import { History, periodOf, Value } from './parts.tsx';
import { t, word } from './texts.ts';
import './figures.css';

/** The device or area that the value is of. */
interface Owner {
  readonly of: { readonly device: string } | { readonly area: string };
  readonly href: string;
  readonly load: Pick<Load<unknown>, 'data' | 'error' | 'reload'>;
  /** What it is called and what it lies in, once that is known. */
  readonly name: string | undefined;
  readonly places: readonly AreaRef[];
}

interface Props {
  readonly title: string;
  readonly owner: Owner;
  /** Whether all is here that inputs are shown with. */
  readonly ready?: boolean;
  /** Where the corrections of a value are seen. */
  readonly corrections?: (figure: ExplainedFigure) => string;
  readonly children: (figure: ExplainedFigure) => ComponentChildren;
}

function Back({ of, href }: Owner) {
  return (
    <a class="button" href={href}>
      {t('device' in of ? 'back' : 'back-area')}
    </a>
  );
}

/** What there is no figure for is told in words, with the way back; all else as everywhere. */
function Refused({ error, retry, owner }: { error: ApiError; retry: () => void; owner: Owner }) {
  // The device or area is there: what is not found is a time to come.
  const code = error.status === 404 ? 'not-come' : error.code;
  const known = word('refused', code);
  if (known === code) return <Failure error={error} retry={retry} />;
  return (
    <Empty icon="chart" title={known}>
      <Back {...owner} />
    </Empty>
  );
}

function Shown({
  load,
  corrections,
  children,
}: Pick<Props, 'corrections' | 'children'> & {
  load: Load<ExplainedFigure> & { readonly data: ExplainedFigure };
}) {
  const { data, busy, error, reload } = load;
  return (
    <div class={busy ? 'opened busy' : 'opened'} aria-busy={busy}>
      <StaleNote error={error} retry={reload} />
      <Value figure={data} corrections={corrections?.(data)} />
      {data.history.length > 0 && <History figure={data} />}
      {children(data)}
    </div>
  );
}

export function Opened({ title, owner, ready = true, ...shown }: Props) {
  const { of, href, name, places } = owner;
  const figure = query.value.get('figure');
  const at = query.value.get('at');
  const asked = figure !== null && at !== null;
  const load = useLoad(asked ? `explain ${JSON.stringify(of)} ${figure} ${at}` : null, (signal) =>
    client.call(calls.explainFigure, {
      query: { figure: figure ?? '', at: at ?? '', ...of },
      signal,
    }),
  );
  const { data, error } = load;
  const heading = data === undefined ? title : say(data.definition.title);
  useTitle(name === undefined ? heading : `${heading} · ${name}`);
  if (owner.load.data === undefined && owner.load.error !== undefined)
    return <Failure whole error={owner.load.error} retry={owner.load.reload} />;
  return (
    <div class="page">
      {name !== undefined && <Crumbs places={places} above={{ href, name }} last={heading} />}
      <header class="page-head">
        <h1>{heading}</h1>
        {data !== undefined && <span class="muted number">{periodOf(data)}</span>}
      </header>
      {!asked ? (
        <Empty title={t('nothing-asked')}>
          <Back {...owner} />
        </Empty>
      ) : data !== undefined && ready ? (
        <Shown load={{ ...load, data }} {...shown} />
      ) : error === undefined || name === undefined ? (
        <Skeleton lines={8} />
      ) : (
        <Refused error={error} retry={load.reload} owner={owner} />
      )}
    </div>
  );
}
