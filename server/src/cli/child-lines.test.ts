import { describe, expect, it } from 'vitest';
import { readChildLine, Warnings } from './child-lines.ts';

describe('a line of a child process', () => {
  it.each([
    ['{"level":30,"msg":"modbus: connected"}', false, 'chatter', 'modbus: connected'],
    ['{"level":40,"device":"d-1","msg":"no answer"}', false, 'warning', 'd-1: no answer'],
    ['{"level":50,"line":"h:1","msg":"broken"}', true, 'fault', 'h:1: broken'],
    ['playing 300 devices', false, 'chatter', 'playing 300 devices'],
    ['Error: no such file', true, 'fault', 'Error: no such file'],
    ['{"name":"play","mqtt":{}}', false, 'chatter', '{"name":"play","mqtt":{}}'],
    ['{broken', true, 'fault', '{broken'],
  ] as const)('%s', (line, fault, grave, text) => {
    expect(readChildLine(line, fault)).toEqual({ grave, text });
  });

  it('stays one line without the power to move a terminal’s cursor', () => {
    const record = JSON.stringify({ level: 50, msg: 'a\n\u001b[2Jb\r\u009bc' });
    expect(readChildLine(record, false).text).toBe('a  [2Jb  c');
  });
});

it('warnings are summed up with the last one, once', () => {
  const warnings = new Warnings();
  warnings.add('first');
  warnings.add('second');
  expect(warnings.take()).toBe(' · 警告 warnings 2 (second)');
  expect(warnings.take()).toBe('');
});
