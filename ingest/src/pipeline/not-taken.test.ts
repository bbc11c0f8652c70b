import { expect, it } from 'vitest';
import { NotTaken } from './not-taken.ts';

const device = { kind: 'device', id: 'a' } as const;

it('counts by topic and cause, newest first, and further topics together', () => {
  const all = new NotTaken();
  expect(all.of(device)).toEqual([]);
  for (let n = 0; n < 12; n++) all.note(device, `t/${n}`, 'acl-publish', n);
  all.note(device, 't/0', 'acl-publish', 50);
  all.note({ kind: 'gateway', id: 'a' }, 't', 'acl-will', 60);
  const told = all.of(device);
  expect(told[0]).toEqual({
    topic: 't/0',
    cause: 'acl-publish',
    count: 2,
    firstAt: 0,
    lastAt: 50,
  });
  expect(told[1]).toEqual({ topic: null, cause: 'acl-publish', count: 4, firstAt: 8, lastAt: 11 });
  expect(told.slice(2).map(({ topic }) => topic)).toEqual(
    [7, 6, 5, 4, 3, 2, 1].map((n) => `t/${n}`),
  );
  all.note(device, 'x'.repeat(65_535), 'topic-levels', 70);
  expect(all.of(device)[0]).toMatchObject({ topic: null, count: 5, lastAt: 70 });
});

it('forgets who was quiet for longest, and keeps no more of a topic than 256 characters', () => {
  const all = new NotTaken();
  all.note(device, 'x'.repeat(65_535), 'topic-levels', 0);
  expect(all.of(device)[0]?.topic).toHaveLength(256);
  for (let n = 0; n < 10_000; n++)
    all.note({ kind: 'device', id: `d-${n}` }, 't', 'acl-publish', n);
  expect(all.of(device)).toEqual([]);
  expect(all.of({ kind: 'device', id: 'd-9999' })).toHaveLength(1);
});
