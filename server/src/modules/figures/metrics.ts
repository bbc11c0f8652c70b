/** What the machine of figures counts. */
import {
  type FigureChecks,
  type Figures,
  type FigureWork,
  type Marks,
  type MetricGroup,
  metricGroup,
} from '@village/platform';

export const figureMetrics = ({
  marks,
  work,
  checks,
  answers,
}: {
  marks: Pick<Marks, 'counters'>;
  work: Pick<FigureWork, 'counters' | 'missing'>;
  checks: Pick<FigureChecks, 'counters'>;
  answers: readonly Pick<Figures['atOnce'], 'waiting' | 'refused'>[];
}): MetricGroup =>
  metricGroup(
    () => ({
      ...{ ...marks.counters, ...work.counters, ...checks.counters },
      missing: work.missing,
      waiting: answers.reduce((sum, one) => sum + one.waiting, 0),
      refused: answers.reduce((sum, one) => sum + one.refused, 0),
    }),
    [
      {
        kind: 'counter',
        name: 'figures_marked_total',
        help: 'Days of devices marked to be computed again',
        value: ({ marked }) => marked,
      },
      {
        kind: 'counter',
        name: 'figures_rebuilds_total',
        help: 'Times that the reader was cut off and what it missed was marked as a whole',
        value: ({ rebuilds }) => rebuilds,
      },
      {
        kind: 'counter',
        name: 'figures_computed_total',
        help: 'Days of stored figures computed',
        value: ({ computed }) => computed,
      },
      {
        kind: 'counter',
        name: 'figures_changed_total',
        help: 'Days of stored figures that became others than they were',
        value: ({ changed }) => changed,
      },
      {
        kind: 'counter',
        name: 'figures_faults_total',
        help: 'Days of stored figures that could not be computed since the figure failed on their inputs',
        value: ({ faults }) => faults,
      },
      {
        kind: 'gauge',
        name: 'figures_missing',
        help: 'Days of stored figures that are missing since the figure failed on their inputs',
        value: ({ missing }) => missing,
      },
      {
        kind: 'counter',
        name: 'figures_failures_total',
        help: 'Devices whose figures could not be computed for the moment',
        value: ({ failures }) => failures,
      },
      {
        kind: 'counter',
        name: 'figures_damaged_total',
        help: 'Days of stored figures that could not be read, and were replaced',
        value: ({ damaged }) => damaged,
      },
      {
        kind: 'gauge',
        name: 'figures_answers_waiting',
        help: 'Answers that wait until others are computed',
        value: ({ waiting }) => waiting,
      },
      {
        kind: 'counter',
        name: 'figures_answers_refused_total',
        help: 'Answers refused since too many waited, or too long',
        value: ({ refused }) => refused,
      },
      {
        kind: 'counter',
        name: 'figures_checked_total',
        help: 'Days of stored figures that were computed again to prove them',
        value: ({ checked }) => checked,
      },
      {
        kind: 'counter',
        name: 'figures_differing_total',
        help: 'Days of stored figures that computing them again did not give',
        value: ({ differing }) => differing,
      },
    ],
  );
