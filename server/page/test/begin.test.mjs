// What is asked of the server while the page is still on its way.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, firstChart, startBrowser, startSmall, tab } from './harness.mjs';

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  ({ server } = await startSmall());
});
after(async () => {
  await browser?.close();
  endAll();
});

/** Keeps most of the page on its way until what this answers is called. */
async function holdPage(page) {
  let go;
  const held = new Promise((resolve) => {
    go = resolve;
  });
  await page.route('**/main.js?*', async (route) => {
    await held;
    await route.continue();
  });
  return go;
}

test('what the first charts are drawn of is asked for before the page is there, and once', async () => {
  const { page, wrong, close } = await tab(browser);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  const go = await holdPage(page);
  const series = page.waitForRequest(/\/series\?/);
  await page.goto(`${server.at}/hosts/web-1`, { waitUntil: 'commit' });
  await series;
  go();
  await firstChart(page);
  const begun = /\/hosts\/web-1\?|\/events\?limit|polls\?from=-24h|\/series\?columns=cpu_user/;
  const first = asked.filter((url) => begun.test(url)).slice(0, 4);
  assert.equal(new Set(first).size, 4, first.join('\n'));
  for (const url of first.filter((one) => one.includes('series')))
    assert.equal(asked.filter((one) => one === url).length, 1, url);
  assert.deepEqual(wrong, []);
  await close();
});

test('the fleet is asked for before the page is there, and once', async () => {
  const { page, wrong, close } = await tab(browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const go = await holdPage(page);
  const stream = page.waitForRequest('**/api/v1/stream');
  await page.goto(server.at, { waitUntil: 'commit' });
  await stream;
  go();
  await page.locator('.hosts tr.go').first().waitFor();
  assert.equal(asked.filter((path) => path === '/api/v1/stream').length, 1);
  assert.deepEqual(wrong, []);
  await close();
});
