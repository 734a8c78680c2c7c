// For how much of the time hosts answered: what is shown is what the server says, on every screen.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, folder, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';
import { grave, outside } from './sight.mjs';

const WIDTHS = [390, 1280, 3840];
const HOUR = 3_600_000;

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 2, interval: '1s' });
  const dir = folder();
  server = await startServer(fleet.inventory, '', dir);
  await until('the hosts are known', async () => (await server.json('/api/v1/hosts')).hosts.length === 2);
  // Two months of hours: all of them good but ten of the first host's.
  const begin = Math.floor(Date.now() / HOUR) * HOUR - 40 * 24 * HOUR;
  const rows = [];
  for (let hour = 0; hour < 39 * 24; hour += 1)
    for (const place of [1, 2]) {
      const bad = place === 1 && hour < 10 ? HOUR : 0;
      rows.push(
        `(${place}, ${begin + hour * HOUR}, 60, 0, ${HOUR - bad}, ${bad}, 0, 1048576, 2097152, ${HOUR})`,
      );
    }
  const sql = `INSERT INTO rollup_hour (host_id, hour_ms, polls, polls_failed, good_ms, bad_ms, paused_ms, rx_bytes,
    tx_bytes, counted_ms) VALUES ${rows.join(',')};`;
  const made = spawnSync('sqlite3', ['-cmd', '.timeout 20000', path.join(dir, 'roundsman.db')], {
    input: sql,
  });
  assert.equal(made.status, 0, String(made.stderr));
});
after(async () => {
  await browser?.close();
  endAll();
});

test('months of each host are what the server says, missed ones are told by a sign', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/availability`);
  const row = page.locator('.months tbody tr').filter({ has: page.locator('a[href$="/hosts/web-1"]') });
  await row.waitFor();
  const told = await server.json('/api/v1/availability?target=99.9&hosts=web-1&from=-61d');
  const months = await page.locator('.months thead th').allTextContents();
  for (const [place, { name }] of told.periods.entries()) {
    const at = months.indexOf(name);
    const pct = told.hosts[0].counts.available_pct[place];
    if (at < 0 || pct === null) continue;
    const cell = row.locator('td').nth(at - 1);
    assert.match(await cell.textContent(), new RegExp(pct.toFixed(3)), name);
    assert.equal(
      await cell.evaluate((one) => one.classList.contains('missed')),
      !told.hosts[0].counts.met[place],
    );
    if (!told.hosts[0].counts.met[place]) assert.match(await cell.textContent(), /▼/);
  }
  assert.ok(told.hosts[0].counts.met.includes(false), 'one month is missed');
  await row.locator('td.missed a').first().click();
  await page.waitForURL(/\/hosts\/web-1\?from=\d+&to=\d+/);
  assert.deepEqual(wrong, []);
  await close();
});

test('traffic is there by a button and by its address, the page by its key', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/`);
  await page.locator('h1').first().waitFor();
  await page.keyboard.press('g');
  await page.getByRole('status').filter({ hasText: 'V Availability and traffic' }).waitFor();
  await page.keyboard.press('v');
  await page.waitForURL(/\/availability$/);
  await page.locator('[data-show=traffic]').click();
  await page.waitForURL(/show=traffic/);
  await page
    .locator('[data-tile=rx] .fig')
    .filter({ hasText: /GiB|MiB/ })
    .waitFor();
  await page.reload();
  await page
    .locator('[data-tile=tx] .fig')
    .filter({ hasText: /GiB|MiB/ })
    .waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('nothing is cut off on any screen, and nobody is shut out', async () => {
  for (const colorScheme of ['light', 'dark'])
    for (const width of WIDTHS) {
      const { page, close } = await tab(browser, { viewport: { width, height: 900 }, colorScheme });
      await page.goto(`${server.at}/availability`);
      await page.locator('.months tbody tr').first().waitFor();
      assert.deepEqual(await page.evaluate(outside), [], `${width} ${colorScheme}`);
      assert.deepEqual(await grave(page), [], `${width} ${colorScheme}`);
      if (process.env.SHOTS)
        await page.screenshot({ path: `${process.env.SHOTS}/${width}-${colorScheme}.png` });
      await close();
    }
});
