/** The certificates of this server's listeners, kept up to date while it runs. */
import {
  CertificateFiles,
  type CertificateState,
  daysLeft,
  TELL_DAYS,
} from '@village/broker/transport';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../config/config.ts';

/** Those that the configuration names; null where it names none. */
export class ListenerCertificates {
  readonly http: CertificateFiles | null;
  readonly mqtt: CertificateFiles | null;

  /** @throws bad-certificate */
  constructor({ http, mqtt }: Config, log: FastifyBaseLogger, now: () => number) {
    const told = {
      log: (level: 'info' | 'warn' | 'error', message: string, detail: object) =>
        log[level](detail, message),
      now,
    };
    this.http = http.tls === undefined ? null : new CertificateFiles(http.tls, 'http.tls', told);
    this.mqtt = mqtt.tls === undefined ? null : new CertificateFiles(mqtt.tls, 'mqtt.tls', told);
  }

  get #all(): CertificateFiles[] {
    return [this.http, this.mqtt].filter((one) => one !== null);
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  states(): CertificateState[] {
    return this.#all.flatMap((one) => one.states());
  }

  /** What somebody has to do about them, in a few words each. */
  warnings(now: number): string[] {
    return this.states().flatMap(({ setting, validTo, fault }) => {
      const days = daysLeft(validTo, now);
      return [
        ...(fault === null ? [] : [`${setting}: the new file is not used`]),
        ...(days > TELL_DAYS ? [] : [`${setting}: ${days} days left`]),
      ];
    });
  }

  /** Looks whether files have changed. */
  check(): void {
    for (const one of this.#all) one.check();
  }

  /** Reads all files now, changed or not. */
  reload(): void {
    for (const one of this.#all) one.reload();
  }
}
