import { describe, expect, it } from 'vitest';
import type { Session } from '../session.ts';
import { faultsOf, isHere, matchRoute, navigation } from './routes.ts';
import { route, type Topic } from './topic.ts';

const load = async () => ({ Page: () => null });
const topic = (name: string, paths: string[], more: Partial<Topic> = {}): Topic => ({
  name,
  title: { zh: name, en: name },
  routes: paths.map((path) => route(path, load)),
  ...more,
});
const nav = (href: string, order: number): Pick<Topic, 'nav'> => ({
  nav: { href, icon: 'list', order },
});
const session = (
  role: Session['user']['role'],
  more: Partial<Pick<Session, 'modules' | 'rights'>> = {},
): Session => ({ user: { role }, ...more });

describe('an address', () => {
  const topics = [
    topic('home', ['/', '/areas/:code']),
    topic('things', ['/things', '/things/new', '/things/:id/parts/:part']),
    topic('thing', ['/things/:id']),
  ];
  const shown = (path: string): unknown[] | null => {
    const match = matchRoute(topics, path);
    return match && [match.topic.name, match.route.path, match.parameters];
  };

  it('finds its page and the named parts, decoded', () => {
    expect(shown('/')).toEqual(['home', '/', {}]);
    expect(shown('/areas/330522')).toEqual(['home', '/areas/:code', { code: '330522' }]);
    expect(shown('/things/%E6%B0%B4%2F1')).toEqual(['thing', '/things/:id', { id: '水/1' }]);
    expect(shown('/things/a/parts/b')).toEqual([
      'things',
      '/things/:id/parts/:part',
      { id: 'a', part: 'b' },
    ]);
  });
  it('a fixed part goes before a named one, whichever topic comes first', () => {
    expect(shown('/things/new')?.[1]).toBe('/things/new');
    expect(matchRoute(topics.toReversed(), '/things/new')?.route.path).toBe('/things/new');
  });
  it('a slash at the end changes nothing', () => {
    expect(shown('/things/')).toEqual(['things', '/things', {}]);
  });
  it.each(['/areas', '/nothing', '/things/a/b', '/things/a/parts', '/areas//', '/things/%E0%A4%A'])(
    '%s leads nowhere',
    (path) => {
      expect(matchRoute(topics, path)).toBeNull();
    },
  );
});

it('topics that get in each other’s way are told', () => {
  expect(
    faultsOf([
      topic('a', ['/a/:id'], nav('/b', 1)),
      topic('b', ['/a/:code']),
      topic('b', ['/b'], { search: { href: '/c', field: '#c' } }),
    ]),
  ).toEqual([
    'a leads to /b, which is none of its routes',
    'b and a both claim /a/:code',
    'two topics are named b',
    'b leads to /c, which is none of its routes',
  ]);
  expect(faultsOf([topic('a', ['/a', '/a/:id'], nav('/a', 1)), topic('b', ['/b'])])).toEqual([]);
});

describe('navigation', () => {
  const topics = [
    topic('settings', ['/settings'], nav('/settings', 100)),
    topic('exchange', ['/exchange'], {
      ...nav('/exchange', 30),
      module: 'points',
      right: 'points.exchange',
    }),
    topic('detail', ['/devices/:id'], { right: 'devices.read' }),
    topic('devices', ['/devices'], { ...nav('/devices', 20), right: 'devices.read' }),
    topic('system', ['/system'], { ...nav('/system', 90), right: 'system.read' }),
  ];
  const shown = (reader: Session): string[] =>
    navigation(topics, reader).map((entry) => entry.topic);

  it('follows the role while the server says nothing of rights', () => {
    expect(shown(session('clerk'))).toEqual(['devices', 'settings']);
    expect(shown(session('officer'))).toEqual(['devices', 'settings']);
    expect(shown(session('admin'))).toEqual(['devices', 'system', 'settings']);
  });
  it('follows the rights that the server names, whatever the role', () => {
    expect(shown(session('admin', { rights: [] }))).toEqual(['settings']);
    expect(shown(session('clerk', { rights: ['system.read'] }))).toEqual(['system', 'settings']);
  });
  it('a topic of a module needs the module and the right', () => {
    const rights = ['points.exchange'];
    expect(shown(session('clerk', { rights }))).toEqual(['settings']);
    expect(shown(session('clerk', { rights, modules: ['cases'] }))).toEqual(['settings']);
    expect(shown(session('clerk', { rights: [], modules: ['points'] }))).toEqual(['settings']);
    expect(shown(session('clerk', { rights, modules: ['points'] }))).toEqual([
      'exchange',
      'settings',
    ]);
  });
  it('an entry stands for its topic’s pages and for what lies below its address', () => {
    const [devices] = navigation(topics, session('clerk'));
    if (devices === undefined) throw new Error('no entry');
    expect(isHere(devices, '/devices', 'devices')).toBe(true);
    expect(isHere(devices, '/devices/7', 'detail')).toBe(true);
    expect(isHere(devices, '/devices-old', 'other')).toBe(false);
    const home = { ...devices, topic: 'home', href: '/' };
    expect(isHere(home, '/areas/330522', 'home')).toBe(true);
    expect(isHere(home, '/devices', 'devices')).toBe(false);
  });
});
