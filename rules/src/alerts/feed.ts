/** Alerts that have changed since somebody looked, for pages that watch: of each the newest, and not more of them than can be told. */
import type { ChangedAlert } from './keeper.ts';

/** Alerts that wait to be told; of more than these pages are told that there are more. */
const WAITING_MAX = 1_000;

export class AlertFeed {
  #changed = new Map<string, ChangedAlert>();
  #more = false;

  readonly note = (alerts: readonly ChangedAlert[]): void => {
    for (const alert of alerts) {
      // The newest come last.
      this.#changed.delete(alert.id);
      if (this.#changed.size >= WAITING_MAX) this.#more = true;
      else this.#changed.set(alert.id, alert);
    }
  };

  /** Takes them out. */
  take(): { readonly alerts: readonly ChangedAlert[]; readonly more: boolean } {
    const taken = { alerts: [...this.#changed.values()], more: this.#more };
    this.#changed = new Map();
    this.#more = false;
    return taken;
  }
}
