/** Shows the built console over the fixture, without the server: `node dashboards/dev/main.ts [devices] [port]`. */
import { systemClock } from '@village/core';
import { consoleDirectory } from '../index.ts';
import { ALL_RIGHTS, PASSWORD, startFixture, USER } from './fixture.ts';

const [devices = '300', port = '8090'] = process.argv.slice(2);
const fixture = await startFixture({
  directory: consoleDirectory,
  devices: Number(devices),
  port: Number(port),
  now: systemClock(),
  rights: ALL_RIGHTS,
  corrections: 60,
});
console.log(`${fixture.url} · ${USER} / ${PASSWORD}`);
