/** Starts the console: preferences, router, clock, page. */
import { render } from 'preact';
import { startRouter } from '#kit/router.ts';
import { startPreferences, tick } from '#kit/state.ts';
import '#kit/style/index.ts';
import { App, prepareFirstPage } from './app.tsx';

startPreferences();
startRouter();
prepareFirstPage();
tick();
setInterval(tick, 5_000);

const root = document.getElementById('app');
if (root === null) throw new Error('BUG: index.html has no #app');
render(<App />, root);
