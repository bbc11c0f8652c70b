/** Examples of Modbus profiles: words in hex and bits, by block. */
import type { Note } from '../../check/note.ts';
import type { ExampleFile, ProfileFile } from '../../schema/file.ts';
import { MODBUS, type ModbusFrame } from './frame.ts';
import { isBits } from './registers.ts';
import { modbusOf } from './schema.ts';

/** Registers of text such as "41CC 0000"; undefined when it is none. */
export function parseRegisters(text: string): Uint16Array | undefined {
  const words = text.trim() === '' ? [] : text.trim().split(/\s+/);
  if (!words.every((word) => /^[0-9A-Fa-f]{4}$/.test(word))) return undefined;
  return Uint16Array.from(words.map((word) => Number.parseInt(word, 16)));
}

/** Bits of text such as "1101", spaces allowed; undefined when it is none. */
export function parseBits(text: string): boolean[] | undefined {
  const digits = text.replaceAll(/\s/g, '');
  return /^[01]*$/.test(digits) ? [...digits].map((digit) => digit === '1') : undefined;
}

/** The frame of an example; undefined, with its faults noted, when it is none. */
export function exampleFrame(
  file: ProfileFile,
  example: ExampleFile,
  note: Note,
): ModbusFrame | undefined {
  let sound = true;
  const noteFault: Note = (path, message) => {
    sound = false;
    note(path, message);
  };
  const blocks: Record<string, Uint16Array | boolean[]> = {};
  for (const [name, text] of Object.entries(example.frame)) {
    const all = modbusOf(file)?.blocks ?? {};
    const block = Object.hasOwn(all, name) ? all[name] : undefined;
    if (block === undefined) {
      noteFault(['frame', name], `there is no block ${name}`);
      continue;
    }
    const values = isBits(block.table) ? parseBits(text) : parseRegisters(text);
    if (values === undefined)
      noteFault(
        ['frame', name],
        isBits(block.table) ? 'must be bits such as "110"' : 'must be words such as "41CC 0000"',
      );
    else blocks[name] = values;
  }
  return sound ? { protocol: MODBUS, blocks } : undefined;
}
