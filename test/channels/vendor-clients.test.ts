/** The vendors' own clients are taken by the fakes as by the vendors: what the fakes enforce is what the vendors have. */
import { createRequire } from 'node:module';
import { $OpenApiUtil } from '@alicloud/openapi-core';
import PopCore from '@alicloud/pop-core';
import { systemTimer } from '@village/core';
import {
  type AliyunSmsAccount,
  aliyunSms,
  aliyunSmsAccount,
  aliyunVoice,
  aliyunVoiceAccount,
  type RunningProviders,
  type TencentSmsAccount,
  tencentSms,
  tencentSmsAccount,
} from '@village/simulators/providers';
import { sms } from 'tencentcloud-sdk-nodejs-sms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakes } from '../lib/providers.ts';

// A CommonJS module whose `default` is its own: loaded as such, it is the same in each loader.
const dysmsapi = createRequire(import.meta.url)(
  '@alicloud/dysmsapi20170525',
) as typeof import('@alicloud/dysmsapi20170525');
const { QuerySendDetailsRequest, SendSmsRequest } = dysmsapi;

const SIGN = '长兴数字乡村';
let fakes: RunningProviders;
let aliyun: AliyunSmsAccount;
let tencent: TencentSmsAccount;

beforeAll(async () => {
  const keys = { accessKeyId: 'test-key', accessKeySecret: 'test-secret' };
  aliyun = aliyunSmsAccount(keys);
  aliyun.signatures.set(SIGN, 'approved');
  aliyun.templates.set('SMS_1', {
    code: 'SMS_1',
    type: 'notice',
    text: `\${what}，编号\${code}`,
    state: 'approved',
    variables: { what: 20, code: 20 },
  });
  const voice = aliyunVoiceAccount(keys);
  voice.templates.set('TTS_1', {
    code: 'TTS_1',
    text: `请注意，\${what}`,
    state: 'approved',
    variables: ['what'],
  });
  tencent = tencentSmsAccount({
    secretId: 'test-id',
    secretKey: 'test-secret',
    sdkAppId: '1400006666',
  });
  tencent.signatures.add(SIGN);
  tencent.templates.set('1110', {
    id: '1110',
    text: '{1}，编号{2}',
    state: 'approved',
    longest: 20,
  });
  fakes = await startFakes(
    [aliyunSms(aliyun), aliyunVoice(voice), tencentSms(tencent)],
    systemTimer,
  );
});
afterAll(() => fakes.close());

const last = (to: string) => fakes.world.phone(to).messages.at(-1)?.text;
const TEXT = `【${SIGN}】泵跳停 & 100%，编号A7K2`;
const VALUES = { what: '泵跳停 & 100%', code: 'A7K2' };

describe('@alicloud/dysmsapi20170525', () => {
  const client = (secret: string) =>
    new dysmsapi.default(
      new $OpenApiUtil.Config({
        accessKeyId: 'test-key',
        accessKeySecret: secret,
        endpoint: `127.0.0.1:${fakes.port}`,
        protocol: 'HTTP',
      }),
    );
  const request = new SendSmsRequest({
    phoneNumbers: '13800000011',
    signName: SIGN,
    templateCode: 'SMS_1',
    templateParam: JSON.stringify(VALUES),
    outId: 'o1',
  });

  it('sends, and finds what it sent', async () => {
    const { body } = await client('test-secret').sendSms(request);
    expect(body).toMatchObject({ code: 'OK', message: 'OK', bizId: expect.any(String) });
    expect(last('13800000011')).toBe(TEXT);
    const day = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');
    const details = await client('test-secret').querySendDetails(
      new QuerySendDetailsRequest({
        phoneNumber: '13800000011',
        sendDate: day,
        pageSize: 10,
        currentPage: 1,
      }),
    );
    expect(details.body?.smsSendDetailDTOs?.smsSendDetailDTO).toMatchObject([
      { outId: 'o1', content: TEXT, templateCode: 'SMS_1' },
    ]);
  });

  it('is refused with a wrong secret', async () => {
    await expect(client('wrong').sendSms(request)).rejects.toMatchObject({
      code: 'SignatureDoesNotMatch',
    });
  });
});

describe('@alicloud/pop-core', () => {
  const client = (secret: string) =>
    new PopCore({
      accessKeyId: 'test-key',
      accessKeySecret: secret,
      endpoint: fakes.url,
      apiVersion: '2017-05-25',
    });
  const parameters = {
    PhoneNumbers: '13800000012',
    SignName: SIGN,
    TemplateCode: 'SMS_1',
    TemplateParam: JSON.stringify(VALUES),
  };

  it.each(['GET', 'POST'])('sends by %s', async (method) => {
    const answer = await client('test-secret').request('SendSms', parameters, { method });
    expect(answer).toMatchObject({ Code: 'OK' });
    expect(last('13800000012')).toBe(TEXT);
  });

  it('calls', async () => {
    const answer = await client('test-secret').request(
      'SingleCallByTts',
      { CalledNumber: '13800000013', TtsCode: 'TTS_1', TtsParam: '{"what":"泵跳停"}' },
      { method: 'GET' },
    );
    expect(answer).toMatchObject({ Code: 'OK', CallId: expect.any(String) });
    expect(last('13800000013')).toBe('请注意，泵跳停');
  });

  it('is refused with a wrong secret', async () => {
    await expect(
      client('wrong').request('SendSms', parameters, { method: 'POST' }),
    ).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });
});

describe('tencentcloud-sdk-nodejs-sms', () => {
  const client = (secretKey: string) =>
    new sms.v20210111.Client({
      credential: { secretId: 'test-id', secretKey },
      region: 'ap-guangzhou',
      profile: { httpProfile: { endpoint: `127.0.0.1:${fakes.port}`, protocol: 'http://' } },
    });
  const request = {
    PhoneNumberSet: ['+8613800000014', '+861'],
    SmsSdkAppId: '1400006666',
    SignName: SIGN,
    TemplateId: '1110',
    TemplateParamSet: Object.values(VALUES),
    SessionContext: 's1',
  };

  it('sends, in part, and finds what it sent', async () => {
    const answer = await client('test-secret').SendSms(request);
    expect(answer.SendStatusSet).toMatchObject([
      { Code: 'Ok', PhoneNumber: '+8613800000014', SessionContext: 's1', IsoCode: 'CN' },
      { Code: 'InvalidParameterValue.IncorrectPhoneNumber', SerialNo: '' },
    ]);
    expect(last('13800000014')).toBe(TEXT);
    const ask = () =>
      client('test-secret').PullSmsSendStatusByPhoneNumber({
        PhoneNumber: '+8613800000014',
        SmsSdkAppId: '1400006666',
        BeginTime: Math.floor(Date.now() / 1000) - 60,
        Offset: 0,
        Limit: 10,
      });
    await expect
      .poll(async () => (await ask()).PullSmsSendStatusSet)
      .toMatchObject([{ ReportStatus: 'SUCCESS', SessionContext: 's1' }]);
  });

  it('is refused with a wrong secret', async () => {
    await expect(client('wrong').SendSms(request)).rejects.toMatchObject({
      code: 'AuthFailure.SignatureFailure',
    });
  });
});
