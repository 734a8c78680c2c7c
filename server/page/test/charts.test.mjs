// The charts of a host: what is drawn in them beside values, and what a drag over one is.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, firstChart, folder, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

/** It fires for as long as there are values: what is in use is never all. */
const THRESHOLD = 97;
const RULE = `
[[alert]]
name = "memory-there"
when = "mem_used_pct < ${THRESHOLD} %"
hosts = ["web-2"]
summary = "{host}: {value} %"
`;
const OTHER = `
[[alert]]
name = "host-down"
when = 'state == "down"'
`;

let browser;
let rules;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 6, interval: '1s' });
  const dir = folder();
  rules = path.join(dir, 'alerts.toml');
  writeFileSync(rules, OTHER);
  server = await startServer(fleet.inventory, '', dir);
  await until('the hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 6);
});
after(async () => {
  await browser?.close();
  endAll();
});

test('one drag over a chart is one entry of the history', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=6h`);
  const address = page.url();
  const chart = await firstChart(page);
  const plot = await until('the plot has its place', () => chart.locator('.u-over').boundingBox());
  const entries = await page.evaluate(() => history.length);
  await page.mouse.move(plot.x + plot.width * 0.3, plot.y + 40);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 40, { steps: 8 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  assert.equal(await page.evaluate(() => history.length), entries + 1);
  await page.goBack();
  assert.equal(page.url(), address);
  await close();
});

test('the CPU chart adds up: nice, interrupts and guests are in it, and guests are part of user', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  const chart = await firstChart(page);
  const lines = await chart
    .locator('.u-legend .u-series')
    .evaluateAll((all) =>
      all.slice(1).map((one) => [one.querySelector('th').textContent, one.querySelector('td').textContent]),
    );
  const share = Object.fromEntries(lines.map(([name, words]) => [name.trim(), parseFloat(words)]));
  const parts = ['User', 'Nice', 'System', 'Interrupts', 'Soft interrupts', 'Steal'];
  const sum = parts.reduce((all, name) => all + share[name], 0);
  // Each is shown to the per cent, or to a tenth of one.
  assert.ok(share.Busy > 0 && Math.abs(share.Busy - sum) <= parts.length * 0.5, JSON.stringify(share));
  assert.ok(share['Guest, part of user'] <= share.User + 0.5, JSON.stringify(share));
  await close();
});

/** How a chart looks in a row of its pixels: how many are as its line, and which colours the ends have. */
function look(chart, value, most) {
  return chart.locator('.u-wrap > canvas').evaluate(
    (canvas, [share, name]) => {
      const over = canvas.parentElement.querySelector('.u-over').getBoundingClientRect();
      const whole = canvas.getBoundingClientRect();
      const scale = canvas.width / whole.width;
      const [left, above] = [(over.left - whole.left) * scale, (over.top - whole.top) * scale];
      const [wide, high] = [over.width * scale, over.height * scale];
      const pen = canvas.getContext('2d');
      const pixel = (x, y) => [...pen.getImageData(Math.round(x), Math.round(y), 1, 1).data];
      const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
      const wanted = hex.match(/../g).map((pair) => parseInt(pair, 16));
      const isLine = (at) => at.slice(0, 3).every((part, place) => Math.abs(part - wanted[place]) < 12);
      const y = above + high * (1 - share);
      let drawn = 0;
      for (let x = left; x < left + wide; x += 1)
        drawn += Number([-1, 0, 1].some((by) => isLine(pixel(x, y + by))));
      // How opaque it is above all values: near the begin, between the lines of the grid; and at the very end, for
      // it fires since a moment ago.
      const opaque = (x) => pixel(left + x, above + high * 0.02)[3];
      const then = Math.min(...[0.02, 0.03, 0.04, 0.05].map((part) => opaque(wide * part)));
      const now = opaque(wide - 1);
      return { drawn: drawn / wide, then, now };
    },
    [value / most, '--chart-0'],
  );
}

test('a chart has the threshold of a rule as a line, and is shaded while it fired', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-2?range=15m`);
  await firstChart(page);
  const memory = page.locator('.charts > section', { hasText: 'Memory and swap in use' });
  const { drawn: none } = await look(memory, THRESHOLD, 100);
  assert.ok(none < 0.1, `${none} of the row is as the line, without a rule`);
  writeFileSync(rules, RULE);
  await until('the rule fires', async () => (await server.json('/api/v1/alerts?firing=true')).total === 1);
  await page.reload();
  await firstChart(page);
  await memory
    .locator('.rules', { hasText: `memory-there mem_used_pct < ${THRESHOLD} % · fired once` })
    .waitFor();
  const { drawn, then, now } = await look(memory, THRESHOLD, 100);
  assert.ok(drawn > 0.4 && drawn < 0.9, `${drawn} of the row is as the line: it is dashed`);
  assert.equal(then, 0, 'it did not fire a quarter of an hour ago');
  // The last column of pixels may be shaded in part.
  assert.ok(now > 0, 'it fires now');
  // Of a host that the rule is not judged on there is neither; its own page lists what fires there.
  await page.getByRole('heading', { name: 'Alarms' }).waitFor();
  await page.getByRole('img', { name: /The value of memory-there/ }).waitFor();
  await page.goto(`${server.at}/hosts/web-3?range=15m`);
  await firstChart(page);
  await page.waitForLoadState('networkidle');
  assert.equal(await page.locator('.rules li').count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});
