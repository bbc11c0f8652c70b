/** Tells whether a rule judges as another one does. */
import { createHash } from 'node:crypto';
import type { Rule } from '../model.ts';

const known = new WeakMap<Rule, string>();

/** Equal for rules that judge alike, whatever they are called. */
export function fingerprintOf(rule: Rule): string {
  const found = known.get(rule) ?? made(rule);
  known.set(rule, found);
  return found;
}

function made(rule: Rule): string {
  const { title: _title, message: _message, advice: _advice, enabled: _enabled, ...judged } = rule;
  const text = JSON.stringify(judged, (_key, value: unknown) =>
    value instanceof Set ? [...(value as Set<unknown>)].sort() : value,
  );
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
