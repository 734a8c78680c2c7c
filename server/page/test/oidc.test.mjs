// Signing in at a provider of OpenID Connect, in a browser that keeps to what cookies are for: the provider is another
// site, so the way back from it is one that the cookie of a session does not come along with.

import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, folder, freePort, startBrowser, startFleet, startServer, tab } from './harness.mjs';

/** A provider at localhost, which is another site than 127.0.0.1. Its users press a link. */
async function startProvider() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const codes = new Map();
  const user = { sub: '0815', preferred_username: 'ann', groups: ['sre'] };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const listener = createServer(async (request, answer) => {
    const url = new URL(request.url, provider.issuer);
    const json = (value) => answer.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    const at = (name) => `${provider.issuer}/${name}`;
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: provider.issuer,
        authorization_endpoint: at('authorize'),
        token_endpoint: at('token'),
        jwks_uri: at('keys'),
      });
    }
    if (url.pathname === '/keys') {
      return json({
        keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }],
      });
    }
    if (url.pathname === '/authorize') {
      const code = randomBytes(8).toString('hex');
      codes.set(code, Object.fromEntries(url.searchParams));
      const back = new URL(url.searchParams.get('redirect_uri'));
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state') });
      return answer.setHeader('content-type', 'text/html').end(`<a href="${back}">I agree</a>`);
    }
    if (url.pathname !== '/token') {
      answer.statusCode = 404;
      return answer.end();
    }
    let body = '';
    for await (const some of request) body += some;
    const asked = new URLSearchParams(body);
    const began = codes.get(asked.get('code'));
    codes.delete(asked.get('code'));
    const challenge = createHash('sha256').update(asked.get('code_verifier')).digest('base64url');
    assert.equal(began.code_challenge, challenge);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: provider.issuer, aud: 'roundsman', nonce: began.nonce, iat: now, exp: now + 300 };
    const message = `${part({ alg: 'ES256', kid: 'one' })}.${part({ ...claims, ...user })}`;
    const signature = sign('sha256', Buffer.from(message), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return json({ id_token: `${message}.${signature.toString('base64url')}` });
  });
  const provider = { user, close: () => listener.close().closeAllConnections() };
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  provider.issuer = `http://localhost:${listener.address().port}`;
  return provider;
}

let browser;
let fleet;
let provider;
let server;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 2, interval: '1s' });
  provider = await startProvider();
  const dir = folder();
  writeFileSync(path.join(dir, 'access.toml'), '[[oidc]]\nmember_of = "sre"\nrole = "viewer"\n');
  const http = `127.0.0.1:${await freePort()}`;
  const settings = `[http]\naccess_file = "access.toml"\nurl = "http://${http}"
[oidc]\nissuer = "${provider.issuer}"\nclient_id = "roundsman"\n`;
  server = await startServer(fleet.inventory, settings, dir, http);
});
after(async () => {
  provider?.close();
  await server?.stop('SIGKILL');
  await fleet?.stop();
  await browser?.close();
  endAll();
});

test('somebody signs in at the provider, comes to where they wanted, and signs out', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/events?text=x`);
  assert.equal(new URL(page.url()).pathname, '/login');
  await page.getByRole('link', { name: 'Sign in with localhost' }).click();
  await page.getByRole('link', { name: 'I agree' }).click();
  await page.waitForURL(`${server.at}/events?text=x`);
  await page.locator('#me').getByText('ann', { exact: true }).waitFor();
  await page.locator(':root[data-role=viewer]').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  await close();
});

test('somebody without a group that has an entry is told so', async () => {
  const { page, close } = await tab(browser);
  provider.user.groups = ['staff'];
  await page.goto(`${server.at}/login?to=%2Fevents`);
  await page.getByRole('link', { name: 'Sign in with localhost' }).click();
  await page.getByRole('link', { name: 'I agree' }).click();
  await page.getByText('You signed in, but no group of yours has access here').waitFor();
  assert.equal(new URL(page.url()).searchParams.get('to'), '/events');
  await close();
});
