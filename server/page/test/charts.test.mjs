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
  // Head and legend are of one poll.
  const { busy, share } = await until('values of now', () =>
    chart.evaluate((card) => {
      const told = parseFloat(card.querySelector('.now b').textContent);
      const lines = [...card.querySelectorAll('.leg > div:not([hidden])')].map((line) => [
        line.querySelector('span').textContent,
        parseFloat(line.querySelector('b').textContent),
      ]);
      return Number.isFinite(told) && { busy: told, share: Object.fromEntries(lines) };
    }),
  );
  const parts = ['user', 'nice', 'system', 'irq'];
  const sum = parts.reduce((all, name) => all + share[name], 0);
  // Each is shown to a tenth of one per cent.
  assert.ok(
    busy > 0 && Math.abs(busy - sum) <= (parts.length + 1) * 0.05 + 1e-9,
    JSON.stringify({ busy, share }),
  );
  assert.ok(share['guest, in user'] <= share.user + 0.1, JSON.stringify(share));
  await close();
});

/** The hosts are polled once a second: these many polls before and after a rule are seen apart from it. */
const POLLS = 6;

/** How a chart looks in a row of its pixels: how many are in a colour, and how opaque it is above at both ends. */
function look(chart, share, token) {
  return chart.locator('.u-wrap > canvas').evaluate(
    (canvas, [at, name]) => {
      const over = canvas.parentElement.querySelector('.u-over').getBoundingClientRect();
      const whole = canvas.getBoundingClientRect();
      const scale = canvas.width / whole.width;
      const [left, above] = [(over.left - whole.left) * scale, (over.top - whole.top) * scale];
      const [wide, high] = [over.width * scale, over.height * scale];
      const pen = canvas.getContext('2d');
      const pixel = (x, y) => [...pen.getImageData(Math.round(x), Math.round(y), 1, 1).data];
      const probe = document.body.appendChild(document.createElement('i'));
      probe.style.color = `var(${name})`;
      const wanted = getComputedStyle(probe).color.match(/\d+/g).map(Number);
      probe.remove();
      const isLine = (colour) =>
        colour.slice(0, 3).every((part, place) => Math.abs(part - wanted[place]) < 40);
      const y = above + high * (1 - at);
      let drawn = 0;
      for (let x = left; x < left + wide; x += 1)
        drawn += Number([-1, 0, 1].some((by) => isLine(pixel(x, y + by)) && pixel(x, y + by)[3] > 150));
      const opaque = (x) => pixel(left + wide * x, above + high * 0.01)[3];
      return { drawn: drawn / wide, then: opaque(0.1), now: opaque(0.97) };
    },
    [share, token],
  );
}

/** How many pixels above a chart's plot have the colour of a token: marks stand there. */
const marked = (card, token) =>
  card.locator('.u-wrap > canvas').evaluate((canvas, name) => {
    const over = canvas.parentElement.querySelector('.u-over').getBoundingClientRect();
    const whole = canvas.getBoundingClientRect();
    const high = Math.floor(((over.top - whole.top) * canvas.width) / whole.width);
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${name})`;
    const wanted = getComputedStyle(probe).color.match(/\d+/g).map(Number);
    probe.remove();
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, high);
    let count = 0;
    for (let at = 0; at < data.length; at += 4)
      count += Number(
        data[at + 3] > 200 && wanted.every((part, place) => Math.abs(part - data[at + place]) < 20),
      );
    return count;
  }, token);

/** Waits until a host has so many polls since a moment. */
const polled = (host, since, count) =>
  until(`${count} polls of ${host}`, async () => {
    const { polls } = await server.json(`/api/v1/hosts/${host}/polls?from=${since}&fields=slot_ms`);
    return polls.length >= count;
  });

test('a chart has the threshold of a rule as a line, is tinted while it fired, and stands first', async () => {
  const { page, wrong, close } = await tab(browser);
  const begin = Date.now();
  await polled('web-2', begin, POLLS);
  const at = (end) => `${server.at}/hosts/web-2?from=${begin}&to=${end}`;
  await page.goto(at(Date.now()));
  await firstChart(page);
  const memory = page.locator('#chart-memory');
  const { drawn: none } = await look(memory, THRESHOLD / 100, '--degraded');
  assert.ok(none < 0.1, `${none} of the row is as the line, without a rule`);
  writeFileSync(rules, RULE);
  await until('the rule fires', async () => (await server.json('/api/v1/alerts?firing=true')).total === 1);
  await polled('web-2', Date.now(), POLLS);
  await page.goto(at(Date.now()));
  await firstChart(page);
  await memory
    .locator('.rules', { hasText: `memory-there mem_used_pct < ${THRESHOLD} % · fired once` })
    .waitFor();
  const { drawn, then, now } = await look(memory, THRESHOLD / 100, '--degraded');
  assert.ok(drawn > 0.4 && drawn < 0.9, `${drawn} of the row is as the line: it is dashed`);
  assert.equal(then, 0, 'it did not fire in the beginning');
  assert.ok(now > 0, 'it fires now');
  const other = page.locator('#chart-network');
  assert.ok((await marked(other, '--degraded')) > 10, 'its begin is marked in the others, too');
  await until('its chart is the first', async () =>
    (await firstChart(page)).getAttribute('id').then((id) => id === 'chart-memory'),
  );
  // What fires stands at the head of the page, with what can be done about it.
  const cause = page.locator('.cause', { hasText: 'memory-there' });
  await cause.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByRole('dialog').getByLabel('Who').fill('ann');
  await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
  await cause.filter({ hasText: 'acknowledged by ann' }).waitFor();
  assert.ok(await page.locator('.tile.warn', { hasText: 'Memory' }).isVisible());
  // Of a host that the rule is not judged on there is neither.
  await page.goto(`${server.at}/hosts/web-3?range=15m`);
  await firstChart(page);
  await page.waitForLoadState('networkidle');
  assert.equal(await page.locator('.rules li').count(), 0);
  assert.equal(await marked(other, '--degraded'), 0);
  assert.equal(await page.locator('.cause').count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('a chart of zeros is folded until it is asked for, and stays when values come in', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.route('**/series?*', async (route) => {
    const answer = await route.fetch();
    const series = await answer.json();
    for (const one of series.columns ?? [])
      if (one.avg && one.name.startsWith('pressure_')) one.avg = one.avg.map((value) => value && 0);
    await route.fulfill({ response: answer, json: series });
  });
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  await firstChart(page);
  const pressure = page.locator('#chart-pressure');
  const open = page.locator('.folded').getByRole('button', { name: 'Pressure: 0' });
  await open.waitFor();
  assert.equal(await pressure.count(), 0, 'a chart of zeros');
  await open.click();
  await pressure.locator('.u-over').waitFor();
  // It stays when values come in.
  const asked = page.waitForResponse('**/series?*');
  await page.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 60_000;
  });
  await asked;
  assert.ok(await pressure.isVisible());
  await page.unrouteAll({ behavior: 'wait' });
  assert.deepEqual(wrong, []);
  await close();
});

test('a chart fills the window and goes back by Esc, which zooms out only then', async () => {
  const { page, wrong, close } = await tab(browser);
  const to = Date.now();
  await page.goto(`${server.at}/hosts/web-1?from=${to - 60_000}&to=${to}`);
  const address = page.url();
  const chart = await firstChart(page);
  await chart.getByRole('button', { name: 'CPU, full screen' }).click();
  const box = await until('it fills the window', async () => {
    const one = await chart.boundingBox();
    return one.width >= 1390 && one.height >= 890 && one;
  });
  assert.ok(box.y <= 0);
  await until(
    'what is drawn in it does, too',
    async () => (await chart.locator('.u-over').boundingBox()).height > 500,
  );
  await page.keyboard.press('Escape');
  await until('it is back', async () => (await chart.boundingBox()).height < 500);
  assert.equal(page.url(), address);
  await page.keyboard.press('Escape');
  await page.waitForFunction((left) => location.href !== left, address);
  assert.deepEqual(wrong, []);
  await close();
});
