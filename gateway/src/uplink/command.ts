/** What the county may ask of a gateway. So far only whether it hears; everything else is answered as unknown. */
import { formatTime } from '@village/core';

/** Published to `…/results`. */
export interface CommandResult {
  /** The command's id; null when the command could not be read. */
  readonly id: string | null;
  readonly ok: boolean;
  readonly result?: { readonly at: string; readonly version: string };
  /** Kebab-case: `unknown-command`, `malformed-command`. */
  readonly error?: string;
}

const COMMAND_BYTES_MAX = 4_096;
const ID_MAX = 128;

function parse(payload: Buffer): { id: string; name: unknown } | null {
  if (payload.length > COMMAND_BYTES_MAX) return null;
  try {
    const command = JSON.parse(payload.toString('utf8')) as { id?: unknown; name?: unknown } | null;
    const id = command?.id;
    return typeof id === 'string' && id.length <= ID_MAX ? { id, name: command?.name } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The answer to a command `{"id", "name"}`. */
export function answerCommand(
  payload: Buffer,
  state: { at: number; version: string },
): CommandResult {
  const command = parse(payload);
  if (command === null) return { id: null, ok: false, error: 'malformed-command' };
  if (command.name !== 'ping') return { id: command.id, ok: false, error: 'unknown-command' };
  return { id: command.id, ok: true, result: { at: formatTime(state.at), version: state.version } };
}
