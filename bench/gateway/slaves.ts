/** The slaves of the gateway benchmark, in a process of their own: each counts its answers in its first register. */
import { serveSlaves } from '@village/simulators';
import { profile, valuesOf } from './profile.ts';

export interface SlavesReport {
  /** Answers by slave, which are the values that its first register had: 1 to this. */
  readonly answers: number[];
  readonly cpuSeconds: number;
}

const count = Number(process.argv[2]);
const sixty = profile();
const answers = new Array<number>(count).fill(0);
let silent = false;

const slaves = await serveSlaves(
  answers.map((_, i) => ({
    port: 0,
    units: [
      {
        unit: 1,
        profile: sixty,
        values: () => {
          if (silent) return null;
          answers[i] = (answers[i] ?? 0) + 1;
          return valuesOf(answers[i] ?? 0);
        },
      },
    ],
  })),
);

process.on('message', (message) => {
  if (message === 'silence') silent = true;
  const { user, system } = process.cpuUsage();
  const report: SlavesReport = { answers, cpuSeconds: (user + system) / 1e6 };
  process.send?.({ report });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ports: slaves.ports });
