/** Starts the console: preferences, router, clock, page. */
import { render } from 'preact';
import { App } from './app.tsx';
import { startRouter } from './router.ts';
import { startPreferences, tick } from './state.ts';
import './style/base.css';
import './style/shell.css';
import './style/pages.css';

startPreferences();
startRouter();
tick();
setInterval(tick, 5_000);

const root = document.getElementById('app');
if (root === null) throw new Error('BUG: index.html has no #app');
render(<App />, root);
