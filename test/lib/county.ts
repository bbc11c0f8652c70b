/** Brings a server process up with a small registered county, for whole-system tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from './api.ts';
import { freePort, Process, until } from './processes.ts';

export const PASSWORD = 'Kill-Test-2026!';
export const COUNTY = '330522000000';
export const VILLAGE = '330522200001';

const areas = `code,level,zh,en,parent,aliases,validFrom,validTo
${COUNTY},county,长兴县,Changxing,,,,
330522200000,township,水口乡,Shuikou,${COUNTY},,,
330522001000,township,雉城街道,Zhicheng,${COUNTY},,,
${VILLAGE},village,顾渚村,Guzhu,330522200000,,,
`;

export interface TestServer {
  readonly process: Process;
  readonly api: Api;
  readonly httpPort: number;
  readonly mqttPort: number;
  /** Starts the process and waits until it says that it is well. */
  up(): Promise<void>;
}

/** A server on free ports with its data in `folder`; `yaml` is its village.yaml. Not started yet. */
export async function testServer(
  folder: string,
  yaml: string,
  env: Record<string, string> = {},
): Promise<TestServer> {
  const httpPort = await freePort();
  const mqttPort = await freePort();
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'village.yaml');
  writeFileSync(config, yaml);
  const process = new Process('server', 'server/src/main.ts', ['serve'], {
    VILLAGE_DATA: join(folder, 'data'),
    VILLAGE_CONFIG: config,
    VILLAGE_HTTP_PORT: String(httpPort),
    VILLAGE_MQTT_PORT: String(mqttPort),
    VILLAGE_ADMIN_PASSWORD: PASSWORD,
    ...env,
  });
  const api = new Api(httpPort);
  const up = async (): Promise<void> => {
    process.start();
    await until(`the server to be well; it printed:\n${process.output}`, async () => {
      if (!process.running) throw new Error(`the server ended:\n${process.output}`);
      return api.healthy();
    });
  };
  return { process, api, httpPort, mqttPort, up };
}

/** Registers the areas and the devices of a CSV (header included) and returns the secrets by id. */
export async function register(api: Api, devicesCsv: string): Promise<Map<string, string>> {
  await api.signIn('admin', PASSWORD);
  await api.csv('/api/v1/areas/import', areas);
  const { credentials } = await api.csv<{ credentials: { id: string; secret: string }[] }>(
    '/api/v1/devices/import',
    devicesCsv,
  );
  return new Map(credentials.map(({ id, secret }) => [id, secret]));
}
