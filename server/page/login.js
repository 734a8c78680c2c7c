// Where one signs in. It stands alone: who is nobody yet is served nothing else of the page.

const CHINESE = {
  401: '令牌不正确、已过期或已撤销。',
  429: '错误次数过多，请稍后再试。',
  0: '服务器没有响应。',
  again: '登录耗时过长，或是在别处开始的，请再试一次。',
  provider: '登录服务未能完成登录，服务器日志中有原因。',
  access: '登录成功，但您的任何组都没有访问权限，请联系管理员。',
  often: '尝试过多，请稍后再试。',
};
const ENGLISH = {
  401: 'The token is wrong, expired or revoked.',
  429: 'Too many wrong tokens: try again in a moment.',
  0: 'The server does not answer.',
  again: 'Signing in took too long, or began elsewhere: try again.',
  provider: 'The provider did not sign you in: the log of this server says why.',
  access: 'You signed in, but no group of yours has access here: ask an administrator.',
  often: 'Too many tries: try again in a moment.',
};

const root = document.documentElement;
const isChinese = root.lang === 'zh-CN';
const words = isChinese ? CHINESE : ENGLISH;
const asked = new URLSearchParams(location.search);
const wrong = document.getElementById('wrong');
const base = new URL('./', location.href);

if (isChinese)
  for (const element of document.querySelectorAll('[data-zh]')) element.textContent = element.dataset.zh;
delete root.dataset.untranslated;

/** Where the reader wanted to go; only ever to a page of this server. */
function destination() {
  const wanted = asked.get('to') ?? '/';
  const address = new URL(`.${wanted.startsWith('/') ? wanted : '/'}`, base);
  const isOwn = address.origin === base.origin && address.pathname.startsWith(base.pathname);
  return isOwn ? address.href : base.href;
}

const session = (options) =>
  fetch(new URL('api/v1/session', base), { headers: { accept: 'application/json' }, ...options });

async function signIn(event) {
  event.preventDefault();
  const button = event.target.querySelector('button');
  button.disabled = true;
  wrong.textContent = '';
  const token = document.getElementById('token').value.trim();
  const answer = await session({
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  }).catch(() => ({ status: 0 }));
  if (answer.ok) return location.replace(destination());
  const body = (await answer.json?.().catch(() => null)) ?? {};
  wrong.textContent = words[answer.status] ?? body.detail ?? String(answer.status);
  button.disabled = false;
}
document.querySelector('form').addEventListener('submit', signIn);

// The provider sends people back here, with what went wrong or signed in.
const provider = document.getElementById('provider');
if (provider && asked.get('to')) provider.search = new URLSearchParams({ to: asked.get('to') });
const why = asked.get('wrong');
if (why !== null) wrong.textContent = Object.hasOwn(words, why) ? words[why] : words.provider;

// Whoever is known already, or asks a server that wants no token, has nothing to do here.
const known = await session().catch(() => null);
if (known?.ok) location.replace(destination());
