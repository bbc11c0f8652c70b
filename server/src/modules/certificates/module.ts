/** The module of certificates: makes them, reads those of the listeners anew when they change, and tells when they end. */
import { daysLeft } from '@village/broker/transport';
import { SECOND } from '@village/core';
import { defineModule, metricGroup } from '@village/platform';
import type { Needs, Tools } from '../needs.ts';
import { certificates } from './make.ts';

/** How often files are looked at; a change counts when they have stood still for as long. */
const CHECK_MS = 5 * SECOND;

export const certificatesModule = defineModule<Needs, Tools>({
  name: 'certificates',
  title: { zh: '证书', en: 'Certificates' },
  commands: [certificates],
  start: ({ certificates: own, clock }) => ({
    ticks: own.isEmpty ? [] : [{ kind: 'certificates', everyMs: CHECK_MS, run: () => own.check() }],
    metrics: [
      metricGroup(
        () => own.states(),
        [
          {
            kind: 'gauge',
            name: 'certificate_days_left',
            help: 'Whole days until a certificate ends; below zero when it has',
            labels: ['setting', 'subject'],
            value: (states) =>
              states.map(({ setting, subject, validTo }) => [
                { setting, subject },
                daysLeft(validTo, clock()),
              ]),
          },
          {
            kind: 'gauge',
            name: 'certificate_fault',
            help: '1 while the files of a certificate can not be used and an older one goes on',
            labels: ['setting'],
            value: (states) =>
              states
                .filter(({ setting }) => setting.endsWith('.cert'))
                .map(({ setting, fault }) => [{ setting }, fault === null ? 0 : 1]),
          },
        ],
      ),
    ],
    warnings: () => own.warnings(clock()),
  }),
});
