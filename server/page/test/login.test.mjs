// Signing in and out with a browser, and what a role is shown.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, firstChart, folder, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

const TOKENS = { operator: 'rm_operator', viewer: 'rm_viewer', ci: 'rm_ci', web: 'rm_web' };

const entry = (name, more) =>
  `[[token]]\nname = "${name}"\n${more}\nsha256 = "${createHash('sha256').update(TOKENS[name]).digest('hex')}"\n`;

let browser;
let fleet;
let server;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 4, interval: '1s' });
  const dir = folder();
  const roles = entry('operator', 'role = "operator"') + entry('viewer', 'role = "viewer"');
  const limited = entry('web', 'role = "operator"\ngroups = ["web"]');
  writeFileSync(path.join(dir, 'access.toml'), roles + limited + entry('ci', 'role = "admin"'));
  server = await startServer(fleet.inventory, '[http]\naccess_file = "access.toml"\n', dir);
  const headers = { authorization: `Bearer ${TOKENS.ci}` };
  await until(
    'all hosts are up',
    async () => (await server.json('/api/v1/fleet', { headers })).counts.up === 4,
  );
});
after(async () => {
  await server?.stop('SIGKILL');
  await fleet?.stop();
  await browser?.close();
  endAll();
});

async function signIn(page, token) {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('a browser signs in, comes to where it wanted, and signs out', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?span=1h`);
  assert.equal(new URL(page.url()).pathname, '/login');
  await signIn(page, 'rm_wrong');
  await page.getByText('The token is wrong, expired or revoked.').waitFor();
  await signIn(page, TOKENS.operator);
  await page.getByRole('button', { name: 'Poll now' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/hosts/web-1');
  await page.locator('#me').getByText('operator', { exact: true }).waitFor();
  // Who silences is known.
  await page.getByRole('button', { name: 'Silence…' }).click();
  const dialog = page.getByRole('dialog');
  assert.equal(await dialog.getByLabel('Who').count(), 0);
  await dialog.getByLabel('Why').fill('Moved');
  await dialog.getByRole('button', { name: 'Silence', exact: true }).click();
  await until('it is silenced by the operator', async () => {
    const headers = { authorization: `Bearer ${TOKENS.ci}` };
    const { silences } = await server.json('/api/v1/silences', { headers });
    return silences[0]?.who === 'operator';
  });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  await page.goto(`${server.at}/alerts`);
  assert.equal(new URL(page.url()).pathname, '/login');
  await close();
});

test('a viewer is shown nothing to do, and no other site is a place to go to', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/login?to=${encodeURIComponent('//evil.example/x')}`);
  await signIn(page, TOKENS.viewer);
  await page.waitForURL((url) => url.pathname !== '/login');
  assert.equal(new URL(page.url()).origin, server.at);
  await page.goto(`${server.at}/hosts/web-1`);
  await page.locator(':root[data-role=viewer]').waitFor();
  await page.waitForSelector('.leg');
  assert.equal(await page.getByRole('button', { name: 'Poll now' }).count(), 0);
  assert.equal(await page.getByRole('button', { name: 'Silence…' }).count(), 0);
  await close();
});

test('everybody can read what was annotated, and is offered to remove what they could have written', async () => {
  const headers = { authorization: `Bearer ${TOKENS.ci}`, 'content-type': 'application/json' };
  for (const said of [{ text: 'all of them' }, { text: 'the group', groups: ['web'] }])
    await server.json('/api/v1/annotations', { method: 'POST', headers, body: JSON.stringify(said) });
  for (const [who, offered, removable] of [
    ['viewer', ['Annotations…'], []],
    ['web', ['Pin to board…', 'Annotate…', 'Annotations…'], ['Remove: the group']],
    [
      'operator',
      ['Pin to board…', 'Annotate…', 'Annotations…'],
      ['Remove: the group', 'Remove: all of them'],
    ],
  ]) {
    const { page, close } = await tab(browser);
    await page.goto(`${server.at}/hosts/web-1`);
    await signIn(page, TOKENS[who]);
    const first = await firstChart(page);
    const menu = first.locator('.tools .menu button:visible', { hasText: '…' });
    // The graph is read anew once the annotations are.
    await until(`${who} is offered the list`, async () => {
      await first.locator('.tools summary').click();
      const found = await menu.allTextContents();
      if (found.length !== offered.length) {
        await first.locator('.tools summary').click();
        return false;
      }
      assert.deepEqual(found, offered);
      return true;
    });
    await first.getByRole('button', { name: 'Annotations…' }).click();
    const list = page.getByRole('dialog', { name: 'Annotations' });
    await list.getByText('note: all of them (ci)').waitFor();
    const buttons = await list.getByRole('button', { name: 'Remove' }).all();
    const names = await Promise.all(buttons.map((button) => button.getAttribute('aria-label')));
    assert.deepEqual(names, removable, who);
    await close();
  }
});

test('what was asked for is shown to admins, on the page of the server', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/server`);
  await signIn(page, TOKENS.ci);
  const audit = page.getByRole('region', { name: 'Audit' });
  await audit.getByText('POST /api/v1/silences').waitFor();
  await close();
});

test('a session that ends leads back to where one signs in', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/alerts`);
  await signIn(page, TOKENS.operator);
  await page.locator('#me').getByText('operator', { exact: true }).waitFor();
  const left = entry('viewer', 'role = "viewer"') + entry('ci', 'role = "admin"');
  writeFileSync(path.join(path.dirname(server.files.config), 'access.toml'), left);
  // Each answer says so; the page asks for alarms all the time.
  await page.waitForURL((url) => url.pathname === '/login');
  assert.equal(new URL(page.url()).searchParams.get('to'), '/alerts');
  await close();
});
