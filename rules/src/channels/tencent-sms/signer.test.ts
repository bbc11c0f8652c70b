import { describe, expect, it } from 'vitest';
import { signTc3 } from './signer.ts';

const body = String.raw`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`;
const call = {
  service: 'cvm',
  host: 'cvm.tencentcloudapi.com',
  contentType: 'application/json; charset=utf-8',
  body,
  at: 1551113065_000,
};
const signatureOf = (authorization: string): string | undefined =>
  /Signature=([0-9a-f]+)$/.exec(authorization)?.[1];

describe('TC3-HMAC-SHA256', () => {
  it('agrees with the older example of the vendor’s page', () => {
    const signed = signTc3(call, {
      secretId: 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE',
      secretKey: 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE',
    });
    expect(signed).toBe(
      'TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168',
    );
  });

  it('agrees with the present one, which signs the action, too', () => {
    const signed = signTc3(
      { ...call, more: { 'x-tc-action': 'DescribeInstances' } },
      { secretId: 'AKID', secretKey: '*'.repeat(32) },
    );
    expect(signatureOf(signed)).toBe(
      '10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f',
    );
  });
});
