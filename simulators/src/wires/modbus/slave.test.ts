import { once } from 'node:events';
import { connect } from 'node:net';
import { type DeviceProfile, decode, encode } from '@village/device-profiles';
import { isModbusFrame } from '@village/device-profiles/modbus';
import modbus from 'modbus-serial';
import { afterEach, describe, expect, it } from 'vitest';
import { testProfiles, until } from '../../testing.ts';
import { type Slaves, type SlaveUnit, serveSlaves } from './slave.ts';

const profile = testProfiles().get('test/station') as DeviceProfile;
const truth = { flow: 5.25, total: 12_345.6, ph: 7.26, temp: -1.5, pump: 1, fault: 0 };

const { default: ModbusRTU } = modbus;
type Client = InstanceType<typeof ModbusRTU>;

let open: { slaves?: Slaves; client?: Client } = {};

async function start(units: readonly SlaveUnit[]): Promise<{ slaves: Slaves; client: Client }> {
  const slaves = await serveSlaves([{ port: 0, units }]);
  const client = new ModbusRTU();
  open = { slaves, client };
  await client.connectTCP('127.0.0.1', { port: slaves.ports[0] as number });
  client.setTimeout(5_000);
  return { slaves, client };
}

afterEach(async () => {
  const { slaves, client } = open;
  open = {};
  if (client?.isOpen) await new Promise<void>((done) => client.close(() => done()));
  await slaves?.close();
});

const steady = (unit: number): SlaveUnit => ({ unit, profile, values: () => truth });

describe('a Modbus slave', () => {
  it('answers a client with the values as its profile lays them out', async () => {
    const { client } = await start([steady(7)]);
    client.setID(7);
    const water = await client.readHoldingRegisters(100, 6);
    const status = await client.readCoils(16, 2);
    const frame = encode(profile, truth, { at: 0, address: '' });
    if (!isModbusFrame(frame)) throw new Error('no Modbus frame');
    expect(water.data).toEqual([...(frame.blocks['water'] ?? [])]);
    const { readings } = decode(profile, {
      protocol: 'modbus',
      blocks: { water: Uint16Array.from(water.data), status: status.data.slice(0, 2) },
    });
    expect(Object.fromEntries(readings.map(({ metric, value }) => [metric, value]))).toEqual(truth);
  });

  it('reads anew each time, and parts of a block', async () => {
    let ph = 7;
    const { client } = await start([{ unit: 1, profile, values: () => ({ ...truth, ph }) }]);
    client.setID(1);
    expect((await client.readHoldingRegisters(104, 1)).data).toEqual([700]);
    ph = 8.5;
    expect((await client.readHoldingRegisters(104, 2)).data).toEqual([850, 65_521]);
  });

  it('leaves a silent unit to its time-out, while its neighbour answers on the same connection', async () => {
    let silent = true;
    const dead = { unit: 1, profile, values: () => (silent ? null : truth) };
    const { client, slaves } = await start([dead, steady(2)]);
    client.setTimeout(300);
    client.setID(1);
    await expect(client.readHoldingRegisters(100, 2)).rejects.toThrow(/Timed out/i);
    client.setTimeout(5_000);
    client.setID(2);
    expect((await client.readHoldingRegisters(104, 1)).data).toEqual([726]);
    silent = false;
    client.setID(1);
    expect((await client.readHoldingRegisters(104, 1)).data).toEqual([726]);
    expect(slaves.counters.unanswered).toBe(1);
  });

  it('refuses addresses and functions it lacks, by their exceptions', async () => {
    const { client, slaves } = await start([steady(1)]);
    client.setID(1);
    const code = { modbusCode: 2 };
    await expect(client.readHoldingRegisters(0, 2)).rejects.toMatchObject(code);
    await expect(client.readHoldingRegisters(104, 3)).rejects.toMatchObject(code);
    await expect(client.readInputRegisters(100, 2)).rejects.toMatchObject(code);
    await expect(client.readHoldingRegisters(100, 126)).rejects.toMatchObject({ modbusCode: 3 });
    await expect(client.writeRegister(100, 1)).rejects.toMatchObject({ modbusCode: 1 });
    expect(slaves.counters).toMatchObject({ requests: 5, answers: 0, exceptions: 5 });
  });

  it('answers requests that come in one segment or byte by byte, each with its own transaction', async () => {
    const { slaves } = await start([steady(1)]);
    const socket = connect(slaves.ports[0] as number, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    let answer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
    });
    const request = (id: string): Buffer => Buffer.from(`${id}00000006010300680001`, 'hex');
    socket.write(Buffer.concat([request('0001'), request('0002')]));
    for (const byte of request('abcd')) socket.write(Buffer.of(byte));
    await until(() => answer.length >= 33, 'three answers');
    const expected = (id: string): string => `${id}0000000501030202d6`;
    expect(answer.toString('hex')).toBe(expected('0001') + expected('0002') + expected('abcd'));
    socket.destroy();
  });

  it('closes on what is no Modbus, and goes on serving others', async () => {
    const { slaves, client } = await start([steady(1)]);
    const socket = connect(slaves.ports[0] as number, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    expect(slaves.counters.malformed).toBe(1);
    client.setID(1);
    expect((await client.readHoldingRegisters(104, 1)).data).toEqual([726]);
  });

  it('starts all its ports or none', async () => {
    const { slaves } = await start([steady(1)]);
    const taken = slaves.ports[0] as number;
    const ports = [
      { port: 0, units: [steady(1)] },
      { port: taken, units: [steady(1)] },
    ];
    await expect(serveSlaves(ports)).rejects.toMatchObject({ code: 'port-taken' });
    await expect(serveSlaves([{ port: 0, units: [steady(1), steady(1)] }])).rejects.toMatchObject({
      code: 'unit-taken',
    });
    await expect(serveSlaves([{ port: 0, units: [steady(256)] }])).rejects.toMatchObject({
      code: 'bad-unit',
    });
  });
});
