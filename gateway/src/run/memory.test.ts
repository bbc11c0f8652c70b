/** What a process keeps of what it has sent. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('a thousand packets of as many lengths keep little memory', async () => {
  const script = `
    await import(${JSON.stringify(new URL('./memory.ts', import.meta.url).href)});
    const { writeToStream } = (await import('mqtt-packet')).default;
    writeToStream.cacheNumbers = false;
    const line = { write: () => true, cork: () => undefined, uncork: () => undefined };
    const payload = Buffer.alloc(8_000);
    const send = (bytes) => writeToStream(
      { cmd: 'publish', topic: 'batches', payload: payload.subarray(0, bytes), qos: 0 }, line);
    send(0);
    gc();
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 1; n <= 1_000; n++) {
      send(7 * n);
      // What comes between two packets.
      for (let text = 0; text < 1_000; text++) Buffer.from('some text of about a hundred characters '.repeat(2));
    }
    gc();
    console.log(process.memoryUsage().arrayBuffers - before);`;
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', '--input-type=module', '-e', script],
    { cwd: new URL('.', import.meta.url), timeout: 60_000 },
  );
  expect(Number(stdout)).toBeGreaterThan(0);
  expect(Number(stdout)).toBeLessThan(4 * 1024 * 1024);
}, 60_000);
