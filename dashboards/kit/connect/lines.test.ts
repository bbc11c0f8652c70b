import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addressLine, gatewayFile, listenerOf, mosquittoLine, shellWord } from './lines.ts';

const plain = { kind: 'mqtt', port: 1883, tls: false, path: null } as const;
const secure = { kind: 'mqtt', port: 8883, tls: true, path: null } as const;
const web = { kind: 'websocket', port: 80, tls: false, path: '/mqtt' } as const;
const access = { host: 'county.example', id: 'bin-7', secret: 'a-secret', listeners: [plain] };

describe('lines to copy', () => {
  it('lead to a listener of MQTT, without TLS where there is one', () => {
    expect(listenerOf([web, secure, plain])).toBe(plain);
    expect(listenerOf([web, secure])).toBe(secure);
    expect(listenerOf([web])).toBeUndefined();
  });

  it('are one word of a shell whatever stands in them', () => {
    expect(shellWord('bin/7/up')).toBe('bin/7/up');
    expect(shellWord(`{"a":"it's $HOME"}`)).toBe(`'{"a":"it'\\''s $HOME"}'`);
    const sample = { topic: 'bin/7/up', payload: '{"fill":52}' };
    expect(mosquittoLine(access, sample)).toBe(
      `mosquitto_pub -h county.example -p 1883 -u bin-7 -P a-secret -i bin-7 -q 1 -t bin/7/up -m '{"fill":52}'`,
    );
    expect(mosquittoLine({ ...access, listeners: [secure] }, sample)).toContain(
      '-p 8883 --capath /etc/ssl/certs',
    );
  });

  it('name an IPv6 host in brackets', () => {
    expect(addressLine({ ...access, host: '2001:db8::1' })).toBe(
      'mqtt://bin-7:a-secret@[2001:db8::1]:1883',
    );
  });

  it('are YAML that says what was meant, also of names that YAML takes for something else', () => {
    const devices = [
      { id: 'no', name: '1', profile: 'boqu/phg-2091', address: 'no', publishes: false },
      { id: '0123', name: '2', profile: 'village/smart-bin', address: 'HB: 1', publishes: true },
    ];
    expect(parse(gatewayFile({ ...access, id: '1e3' }, devices))).toEqual({
      gateway: '1e3',
      uplink: { url: 'mqtt://county.example:1883', secret: 'a-secret' },
      data: './gateway-data',
      mqtt: { port: 1884 },
      devices: [
        {
          ...{ id: 'no', profile: 'boqu/phg-2091' },
          connection: { host: '192.168.1.10', port: 502, unit: 1 },
        },
        { id: '0123', profile: 'village/smart-bin', address: 'HB: 1', secret: '…' },
      ],
    });
    expect(parse(gatewayFile(access, []))).toMatchObject({ devices: [] });
  });
});
