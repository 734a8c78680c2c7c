// The page and its stream behind a real nginx, at the root and below a path.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  endAll,
  firstChart,
  startBrowser,
  startFleet,
  startNginx,
  startProfile,
  startServer,
  tab,
  until,
} from './harness.mjs';

/** nginx passes on what it has when it has so much, bytes. */
const BUFFER = 4096;

let browser;
let fleet;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 4, interval: '1s' });
});
after(async () => {
  await fleet?.stop();
  await browser?.close();
  endAll();
});

/** Starts a server of the fleet's, with its hosts up. */
async function up(settings) {
  const server = await startServer(fleet.inventory, settings);
  await until('all hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 4);
  return server;
}

test('events come through nginx when they happen, not when 4 KiB of them are there', async () => {
  const server = await up();
  const nginx = await startNginx(`location / { proxy_pass ${server.at}; }`);
  const asked = new AbortController();
  const answer = await fetch(`${nginx.at}/api/v1/stream`, { signal: asked.signal });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-cache, no-transform');
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let pieces = 0;
  while ((text.match(/event: change/g) ?? []).length < 3) {
    const { value, done } = await reader.read();
    assert.ok(!done, 'it ended');
    text += value;
    pieces += 1;
  }
  // With a buffer all of this is one piece, and comes when the next event has filled it.
  const changes = text.slice(text.indexOf('event: change'));
  assert.ok(changes.length / 3 < BUFFER / 2, `${changes.length} bytes of three changes`);
  assert.ok(pieces >= 4, `${pieces} pieces`);
  asked.abort();
  await nginx.stop();
  await server.stop('SIGKILL');
});

const PROXIES = {
  'that takes its path off': ['', (at) => `location /mon/ { proxy_pass ${at}/; }`],
  'that passes its path on': ['[http]\nbase_path = "/mon"\n', (at) => `location /mon { proxy_pass ${at}; }`],
  'that passes on its path and its own name': [
    '[http]\nbase_path = "/mon"\n',
    (at) => `location /mon { proxy_pass ${at}; proxy_set_header Host $http_host; }`,
  ],
};

for (const [kind, [settings, locations]] of Object.entries(PROXIES)) {
  describe(`below a path of a proxy ${kind}`, () => {
    let server;
    let nginx;
    before(async () => {
      server = await up(settings);
      nginx = await startNginx(locations(server.at));
    });
    after(async () => {
      await nginx?.stop();
      await server?.stop('SIGKILL');
    });

    test('it can be installed, and is then what lies below that path', async () => {
      const context = await startProfile();
      const [page] = context.pages();
      await page.goto(`${nginx.at}/mon/hosts/web-1`);
      const session = await context.newCDPSession(page);
      const { url, errors, manifest } = await session.send('Page.getAppManifest');
      assert.equal(url.split('?')[0], `${nginx.at}/mon/assets/manifest.webmanifest`);
      assert.deepEqual(errors, []);
      assert.equal(manifest.startUrl, `${nginx.at}/mon/`);
      assert.equal(manifest.scope, `${nginx.at}/mon/`);
      const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
      assert.deepEqual(installabilityErrors, []);
      await context.close();
    });

    test('every page opens, is left by its links, and opens again where it is', async () => {
      const { page, wrong, close } = await tab(browser);
      const outside = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(`${nginx.at}/mon`)) outside.push(request.url());
      });
      const shown = {
        '': () => page.locator('tr:has(.dot.up)').first().waitFor(),
        'hosts/web-1': () => firstChart(page),
        events: () => page.locator('main table tbody tr').first().waitFor(),
        inventory: () => page.locator('main pre').waitFor(),
        server: () => page.locator('main dl').first().waitFor(),
      };
      // At the path itself, then by links.
      await page.goto(`${nginx.at}/mon`);
      await shown['']();
      assert.equal(page.url(), `${nginx.at}/mon/`);
      await page.locator('[data-column=name]').getByRole('link', { name: 'web-1', exact: true }).click();
      await shown['hosts/web-1']();
      assert.equal(page.url(), `${nginx.at}/mon/hosts/web-1`);
      for (const [name, path] of [
        ['Events', 'events'],
        ['Inventory', 'inventory'],
        ['Server', 'server'],
        ['Fleet', ''],
      ]) {
        await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
        await shown[path]();
        assert.equal(page.url(), `${nginx.at}/mon/${path}`);
        assert.equal(await page.locator('nav [aria-current=page]').textContent(), name);
      }
      // Each by its address, and again by the browser's own button.
      for (const path of [...Object.keys(shown), 'hosts/web-1?range=15m', '?state=up&sort=name']) {
        await page.goto(`${nginx.at}/mon/${path}`);
        for (const again of [false, true]) {
          if (again) await page.reload();
          await shown[path.split('?')[0]]();
        }
        assert.equal(page.url(), `${nginx.at}/mon/${path}`);
      }
      // It is live, and orders go through.
      await page.goto(`${nginx.at}/mon/hosts/web-1`);
      await page.locator('#pulse', { hasText: 'live' }).waitFor();
      // What comes in above it moves the button.
      await page.locator('.hosthead .facts dd').first().waitFor();
      await page.getByRole('button', { name: 'Poll now' }).click();
      await page.getByText('Polled: ok').waitFor();
      assert.deepEqual(outside, []);
      assert.deepEqual(wrong, []);
      await close();
    });
  });
}
