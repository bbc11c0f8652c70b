/** The page of the fake providers: what each phone shows, with what its owner may do; it looks again every few seconds. */
import { formatCountyTime } from '@village/core';
import { FAULT_KINDS } from './faults.ts';
import type { Phone, Shown, World } from './world.ts';

const FORM_NAMES: Readonly<Record<Shown['form'], string>> = {
  sms: '短信',
  call: '语音电话',
  chat: '消息',
  card: '卡片',
  mail: '邮件',
  post: '推送',
};
const STATE_NAMES: Readonly<Record<Phone['state'], string>> = {
  on: '开机',
  off: '关机',
  vacant: '空号',
  refusing: '拒收',
};
const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? '');

/** Newest first on the page; older ones are in `/phones`. */
const MESSAGES_ON_PAGE = 30;

function messageHtml(message: Shown): string {
  const { id, form, from, text, at, segments, link, buttons } = message;
  const count = segments === null || segments < 2 ? '' : ` · ${segments} 条`;
  const pressed = buttons
    .map(
      ({ key, text: label }) =>
        `<button data-message="${escaped(id)}" data-press="${escaped(key)}">${escaped(label)}</button>`,
    )
    .join('');
  const answer =
    form === 'sms'
      ? `<form data-message="${escaped(id)}"><input name="reply" maxlength="500" aria-label="回复" placeholder="回复"><button>发送</button></form>`
      : '';
  const href = link !== null && /^https?:\/\//.test(link) ? link : null;
  return `<li class="${form}"><p class="head">${FORM_NAMES[form]} · ${escaped(from)}<time>${formatCountyTime(at).slice(5, 16)}</time></p>
<p class="text">${escaped(text)}</p>${href === null ? '' : `<p><a href="${escaped(href)}">打开详情</a></p>`}
<p class="foot">${escaped(message.provider)}${count}</p>${pressed === '' ? '' : `<p>${pressed}</p>`}${answer}</li>`;
}

function phoneHtml({ id, name, state, messages }: Phone): string {
  const shown = messages.slice(-MESSAGES_ON_PAGE).reverse().map(messageHtml).join('\n');
  return `<section><h2>${escaped(name)}</h2><p class="state">${name === id ? '' : `${escaped(id)} · `}${STATE_NAMES[state]} · ${messages.length} 条消息</p>
<ul>${shown}</ul></section>`;
}

const STYLE = `:root{color-scheme:light}body{margin:0;font:15px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;background:#eef1ee;color:#1d2b24}
header{padding:16px 24px;background:#1f5c46;color:#fff}header h1{margin:0;font-size:20px}header p{margin:2px 0 0;opacity:.85}
main{display:flex;flex-wrap:wrap;gap:20px;padding:20px 24px;align-items:flex-start}
section{width:320px;background:#fff;border-radius:20px;box-shadow:0 1px 4px #0003;padding:14px 14px 18px;box-sizing:border-box}
h2{margin:0;font-size:17px;text-align:center}.state{margin:0 0 8px;text-align:center;color:#5b6b63;font-size:13px}
ul{list-style:none;margin:0;padding:0;max-height:520px;overflow:auto}li{background:#f0f4f1;border-radius:12px;padding:8px 12px;margin-bottom:10px}
li.call{background:#fdf3e1}li p{margin:2px 0}.head{font-size:13px;color:#456;display:flex;justify-content:space-between;gap:8px}
.text{white-space:pre-wrap;overflow-wrap:anywhere}.foot{font-size:12px;color:#5b6b63}form{display:flex;gap:6px;margin-top:4px}input{flex:1;min-width:0}
input,button{font:inherit;font-size:13px;border:1px solid #b9c6be;border-radius:8px;padding:3px 8px;background:#fff}button{cursor:pointer}.none{color:#5b6b63}`;

const SCRIPT = `const send=(body)=>fetch('/__fake/react',{method:'POST',headers:{'content-type':'application/json'},body:JSON.stringify(body)}).then(look);
async function look(){const active=document.activeElement;if(active&&active.tagName==='INPUT'&&active.value!=='')return;
try{const text=await(await fetch('/')).text();const page=new DOMParser().parseFromString(text,'text/html');
const fresh=page.querySelector('main');const main=document.querySelector('main');if(fresh.innerHTML!==main.dataset.seen){main.innerHTML=fresh.innerHTML;main.dataset.seen=fresh.innerHTML;}}catch{}}
document.addEventListener('click',(e)=>{const b=e.target.closest('[data-press]');if(b)send({message:b.dataset.message,press:b.dataset.press});});
document.addEventListener('submit',(e)=>{const f=e.target.closest('form[data-message]');if(!f)return;e.preventDefault();const i=f.elements.reply;const reply=i.value;if(reply==='')return;i.value='';send({message:f.dataset.message,reply});});
setInterval(look,3000);`;

export function phonesPage(world: World): string {
  const phones = world.phones();
  const body =
    phones.length === 0
      ? '<p class="none">还没有手机收到消息。</p>'
      : phones.map(phoneHtml).join('\n');
  return `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>演示手机</title><style>${STYLE}</style></head><body>
<header><h1>演示手机</h1><p>短信、电话和消息平台都是本机模拟的，不会真的发出去。故障开关：POST /__fake/faults（${FAULT_KINDS.join('、')}）</p></header>
<main>${body}</main><script>${SCRIPT}</script></body></html>`;
}
