/** The server as a library, for tests that run it in their own process. */
export { type Server, type ServerOptions, startServer } from './app.ts';
export { type Config, loadConfig } from './config/config.ts';
