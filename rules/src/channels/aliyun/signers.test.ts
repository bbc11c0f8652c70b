import { describe, expect, it } from 'vitest';
import { queryText, signAcs3, signRpc } from './signers.ts';

describe('ACS3-HMAC-SHA256', () => {
  it('agrees with the example of the vendor’s page, V3 版本请求体&签名机制', () => {
    const headers = signAcs3(
      {
        method: 'POST',
        host: 'ecs.cn-shanghai.aliyuncs.com',
        action: 'RunInstances',
        version: '2014-05-26',
        date: '2023-10-26T10:22:32Z',
        nonce: '3156853299f313e23d1673dc12e1703d',
        query: {
          RegionId: 'cn-shanghai',
          ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd',
        },
      },
      { accessKeyId: 'YourAccessKeyId', accessKeySecret: 'YourAccessKeySecret' },
    );
    expect(headers['authorization']).toBe(
      'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
    );
  });
});

describe('RPC signature 1.0', () => {
  it('agrees with the example DescribeRegions', () => {
    const signature = signRpc(
      'GET',
      {
        Timestamp: '2016-02-23T12:46:24Z',
        Format: 'XML',
        AccessKeyId: 'testid',
        Action: 'DescribeRegions',
        SignatureMethod: 'HMAC-SHA1',
        SignatureNonce: '3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf',
        Version: '2014-05-26',
        SignatureVersion: '1.0',
      },
      'testsecret',
    );
    expect(signature).toBe('OLeaidS1JvxuMvnyHOwuJ+uX5qY=');
  });

  it('agrees with the example SendSms', () => {
    const signature = signRpc(
      'GET',
      {
        SignatureMethod: 'HMAC-SHA1',
        SignatureNonce: '45e25e9b-0a6f-4070-8c85-2956eda1b466',
        AccessKeyId: 'testId',
        SignatureVersion: '1.0',
        Timestamp: '2017-07-12T02:42:19Z',
        Format: 'XML',
        Action: 'SendSms',
        Version: '2017-05-25',
        RegionId: 'cn-hangzhou',
        PhoneNumbers: '15300000001',
        SignName: '阿里云短信测试专用',
        TemplateParam: '{"customer":"test"}',
        TemplateCode: 'SMS_71390007',
        OutId: '123',
      },
      'testSecret',
    );
    expect(signature).toBe('zJDF+Lrzhj/ThnlvIToysFRq6t4=');
  });

  it('encodes as RFC 3986 has it', () => {
    expect(queryText({ b: "a b*~!'()", a: '中+/=' })).toBe(
      'a=%E4%B8%AD%2B%2F%3D&b=a%20b%2A~%21%27%28%29',
    );
  });
});
