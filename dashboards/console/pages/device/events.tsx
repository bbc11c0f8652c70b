/** What happened at a device in the time shown, newest first. */
import type { Device, Profile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { spanOf } from '#kit/devices/series.ts';
import { formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client, profiles } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import type { TimeRange } from './data.ts';
import { MessageLink } from './frame/link.tsx';
import { t, word } from './texts.ts';

type EventType = Profile['events'][number];

/** What an event says besides: values as they came, but for the channel, which has a name. */
function Detail({
  detail,
  type,
}: {
  detail: ReadonlyMap<string, unknown>;
  type: EventType | undefined;
}) {
  const channel = type?.channels?.find(({ key }) => key === detail.get('channel'));
  const others = [...detail].filter(([name]) => channel === undefined || name !== 'channel');
  return (
    <span class="detail small">
      {channel !== undefined && <span>{say(channel.name)}</span>}
      {others.map(([name, value]) => (
        <span key={name}>
          <span class="muted">{word('detail', name)}</span>{' '}
          {typeof value === 'string' ? value : JSON.stringify(value)}
        </span>
      ))}
    </span>
  );
}

/** The panel. */
export function Events({
  device,
  range,
  rangeKey,
  refreshMs,
}: {
  device: Device;
  range: TimeRange;
  rangeKey: string;
  refreshMs: number | undefined;
}) {
  const profile = profiles.value.get(device.profile);
  const named = profile?.events;
  const framed = profile?.evidence != null;
  const typeOf = (type: string): EventType | undefined =>
    named?.find((event) => event.type === type);
  const nameOf = (type: string): string => {
    const known = typeOf(type);
    return known === undefined ? word('event', type) : say(known.name);
  };
  const load = useLoad(
    `events ${device.id} ${rangeKey}`,
    (signal) =>
      client.call(calls.events, { query: { ...spanOf(device.id, range), limit: 100 }, signal }),
    refreshMs,
  );
  return (
    <section class="panel" aria-labelledby="events-heading">
      <h2 id="events-heading">{t('events')}</h2>
      {load.data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={3} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : load.data.items.length === 0 ? (
        <p class="muted pad">{t('no-events')}</p>
      ) : (
        <ol class="events">
          {load.data.items.map((event) => (
            <li key={`${event.at} ${event.type} ${JSON.stringify([...event.detail])}`}>
              <time class="muted number" dateTime={new Date(event.at).toISOString()}>
                {formatTime(event.at)}
              </time>
              <b>{nameOf(event.type)}</b>
              <Detail detail={event.detail} type={typeOf(event.type)} />
              {framed && <MessageLink at={event.at} />}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
