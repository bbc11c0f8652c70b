import { once } from 'node:events';
import { connect } from 'node:tls';
import mqtt from 'mqtt-packet';
import { expect, it } from 'vitest';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

/** Made for this test alone; trusted by nothing. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF/ziTBq3dcjwX2Yv
Utt/yJ5F7SoQGwMIad/hcp955/ShRANCAAT7skwiHg69nD3vzrvU7i7YmX7RDqcu
/1IjjLqoAwnYeYiqLTaVgGmfIAmzWBmWxWJ4fIEOERYb23hqu+1wYh2Q
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUZZkLAm+r8hSEK0DXVJXrszZ4xOswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDA1MDM0MFoYDzIxMjYxMDMx
MDUwMzQwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT7skwiHg69nD3vzrvU7i7YmX7RDqcu/1IjjLqoAwnYeYiqLTaVgGmf
IAmzWBmWxWJ4fIEOERYb23hqu+1wYh2Qo1MwUTAdBgNVHQ4EFgQUHLEbiPRv2K4L
qF+Fm1qHqEcMDzQwHwYDVR0jBBgwFoAUHLEbiPRv2K4LqF+Fm1qHqEcMDzQwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAr9CTLB3BWRC5HWSclNUk
nD9eVOxdIN134dYmO1nKxA0CIQCBV+itz6XgIKu/cV8FaRfdYvbHs/iOPfsE8BQU
PJod7A==
-----END CERTIFICATE-----`;

it('listens with TLS, with the same guards', async () => {
  const one = await new TestBroker({
    tls: { key, cert },
    limits: { connectTimeoutMs: 300 },
  }).start();
  try {
    const socket = connect({
      port: one.port,
      host: '127.0.0.1',
      ca: cert,
      servername: 'localhost',
    });
    await once(socket, 'secureConnect');
    socket.write(mqtt.generate(connectPacket('a')));
    socket.write(mqtt.generate(publishPacket('own/a', 'hidden')));
    await eventually(() => one.broker.counters().acknowledged === 1, 'the acknowledgement');
    expect(one.got).toMatchObject([{ payload: 'hidden', who: 'a' }]);
    const plain = one.socket();
    plain.send(connectPacket('a'));
    await plain.gone();
    const silent = one.socket();
    await silent.gone();
    expect(one.broker.counters().refused['tls-handshake']).toBe(2);
    socket.destroy();
    await eventually(() => one.broker.counters().connections === 0, 'all gone');
  } finally {
    await one.stop();
  }
});
