/** The import that is under way or was made last, and whether the secrets that it made are kept: they are shown once. */
import { computed, signal } from '@preact/signals';
import type { Imported } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { askBeforeClosing, createSending } from '#kit/forms/sending.ts';
import { client } from '#kit/state.ts';

export type What = 'devices' | 'areas';

/** As long as the server takes for the largest file. */
const ANSWER_MS = 10 * 60_000;

export const sending = createSending<Imported>();
export const what = signal<What>('devices');
/** Answers whose secrets somebody has said to keep. */
const kept = signal<Imported | null>(null);

/** Secrets were made, and nobody has said that they are kept. */
export const unsaved = computed(() => {
  const { answer } = sending.state.value;
  return answer !== null && answer.credentials.length > 0 && kept.value !== answer;
});
askBeforeClosing(() => unsaved.value);

export const saved = (): void => {
  kept.value = sending.state.value.answer;
};

export function begin(next: What): void {
  what.value = next;
  sending.clear();
}

export function send(file: File, encoding?: string): Promise<Imported | null> {
  const call = what.value === 'devices' ? calls.importDevices : calls.importAreas;
  return sending.send(file, (given) =>
    client.call(call, { ...given, query: { encoding }, timeoutMs: ANSWER_MS }),
  );
}
