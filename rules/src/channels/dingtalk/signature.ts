/** How a robot of DingTalk is signed (加签, open.dingtalk.com/document/robots/customize-robot-security-settings). */
import { createHmac } from 'node:crypto';

/** Base64 of HMAC-SHA256 over the time (Unix, ms) and the secret, with the secret; it goes into the address, encoded. */
export const dingtalkSignature = (timestamp: string, secret: string): string =>
  createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
