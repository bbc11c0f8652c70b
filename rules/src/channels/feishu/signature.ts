/** How a robot of Feishu is signed (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot). */
import { createHmac } from 'node:crypto';

/** Base64 of HMAC-SHA256 over nothing, with the time (Unix, s) and the secret as the key. */
export const feishuSignature = (timestamp: string, secret: string): string =>
  createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64');
