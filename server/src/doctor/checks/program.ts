/** Node, and the client of DuckDB: those that this version was made for. */
import { checkQueryEngine } from '@village/store/inspect';
import { both, type Check, fault, ok, reasonOf } from '../finding.ts';

const NODE_LEAST = 24;

export const node: Check = {
  name: 'node',
  title: both('Node 版本', 'Node version'),
  run: () => {
    const { node: version } = process.versions;
    return Number(version.split('.')[0]) >= NODE_LEAST
      ? [ok('node', both(version, version))]
      : [
          fault(
            'node',
            both(
              `${version}，需要 ${NODE_LEAST} 以上`,
              `${version}, ${NODE_LEAST} or newer is needed`,
            ),
            both('运行 npm ci，并以 npm run serve 启动', 'run npm ci and start with npm run serve'),
          ),
        ];
  },
};

export const engine: Check = {
  name: 'query-engine',
  title: both('查询引擎 DuckDB', 'query engine DuckDB'),
  run: async ({ config }) => {
    if (config.timeSeries.engine !== 'embedded')
      return [ok('query-engine', both('未使用（InfluxDB）', 'not used (InfluxDB)'))];
    try {
      await checkQueryEngine();
      return [ok('query-engine', both('自检通过', 'reads back what it writes'))];
    } catch (error) {
      return [
        fault(
          'query-engine',
          both(`无法使用：${reasonOf(error)}`, `can't be used: ${reasonOf(error)}`),
          both('在安装目录运行 npm ci', 'run npm ci where the server is installed'),
        ),
      ];
    }
  },
};
