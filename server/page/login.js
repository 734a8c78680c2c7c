// Where one signs in. It stands alone: who is nobody yet is served nothing else of the page.

const CHINESE = {
  401: '令牌不正确、已过期或已撤销。',
  429: '错误次数过多，请稍后再试。',
  0: '服务器没有响应。',
};
const ENGLISH = {
  401: 'The token is wrong, expired or revoked.',
  429: 'Too many wrong tokens: try again in a moment.',
  0: 'The server does not answer.',
};

const root = document.documentElement;
const isChinese = root.lang === 'zh-CN';
const wrong = document.getElementById('wrong');
const base = new URL('./', location.href);

if (isChinese)
  for (const element of document.querySelectorAll('[data-zh]')) element.textContent = element.dataset.zh;
delete root.dataset.untranslated;

/** Where the reader wanted to go; only ever to a page of this server. */
function destination() {
  const wanted = new URLSearchParams(location.search).get('to') ?? '/';
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
  const own = (isChinese ? CHINESE : ENGLISH)[answer.status];
  wrong.textContent = own ?? body.detail ?? String(answer.status);
  button.disabled = false;
}
document.querySelector('form').addEventListener('submit', signIn);

// Whoever is known already, or asks a server that wants no token, has nothing to do here.
const known = await session().catch(() => null);
if (known?.ok) location.replace(destination());
