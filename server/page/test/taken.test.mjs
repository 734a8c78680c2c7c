// What can be taken from a chart, and what a reader sets for the whole page: the zone of times, live or not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  endAll,
  firstChart,
  HOSTS_UP,
  startBrowser,
  startFleet,
  startServer,
  tab,
  until,
} from './harness.mjs';

const SHANGHAI = { timezoneId: 'Asia/Shanghai' };
const APART_MS = 8 * 3_600_000;
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

let browser;
let fleet;
let server;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 6, interval: '1s' });
  server = await startServer(fleet.inventory);
  await until('there are values of some seconds', async () => {
    const { top } = await server.json('/api/v1/top?column=net_tx_bytes_per_s');
    return top.length === 6 && top.every(({ count }) => count > 12);
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

/** A file of a chart, by the name of its button. */
async function take(page, card, name) {
  if (!(await card.locator('details[open]').count())) await card.locator('summary').click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    card.getByRole('button', { name, exact: true }).click(),
  ]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test('the CSV of a chart is its series, and its picture a PNG; the policy lets both through', async () => {
  const { page, wrong, close } = await tab(browser, { acceptDownloads: true });
  const answers = [];
  page.on('response', async (response) => {
    if (/\/series\?/.test(response.url())) answers.push(await response.json());
  });
  const to = Date.now();
  await page.goto(`${server.at}/hosts/web-1?from=${to - 20_000}&to=${to}`);
  await firstChart(page);
  const csv = await take(page, page.locator('#chart-load'), 'CSV');
  assert.equal(csv.name, 'web-1-load.csv');
  const [head, ...rows] = String(csv.bytes).trimEnd().split('\r\n');
  const names = ['load_1', 'load_5', 'load_15'];
  assert.equal(head, ['time', ...names].join());
  const body = answers.find(({ columns }) => columns.some(({ name }) => name === names[0]));
  const columns = names.map((name) => body.columns.find((one) => one.name === name).avg);
  assert.equal(rows.length, body.polls.length);
  rows.forEach((row, point) => {
    const time = new Date(body.start_ms + point * body.step_ms).toISOString();
    assert.equal(row, [time, ...columns.map((avg) => avg[point] ?? '')].join());
  });
  assert.ok(columns[0].filter((value) => value !== null).length > 3, 'there are values');
  const png = await take(page, page.locator('#chart-network'), 'PNG');
  assert.equal(png.name, 'web-1-network.png');
  assert.deepEqual(png.bytes.subarray(0, 8), PNG);
  assert.ok(png.bytes.readUInt32BE(16) > 400, 'as wide as the chart');
  assert.deepEqual(wrong, []);
  await close();
});

test('a link leads others to the same span and moment', async () => {
  const { page, close } = await tab(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  const to = Date.now();
  const from = to - 20_000;
  await page.goto(`${server.at}/hosts/web-2?from=${from}&to=${to}`);
  await firstChart(page);
  const card = page.locator('#chart-disk');
  const over = card.locator('.u-over');
  for (const x of [200, 210]) await over.hover({ position: { x, y: 30 } });
  await card.locator('.chart-tip').waitFor();
  const told = await card.locator('.chart-tip').innerText();
  await card.locator('summary').click();
  await card.getByRole('button', { name: 'Copy link' }).click();
  const link = await until('the link is copied', () => page.evaluate(() => navigator.clipboard.readText()));
  const { searchParams, hash } = new URL(link);
  assert.deepEqual(
    [searchParams.get('from'), searchParams.get('to'), hash],
    [`${from}`, `${to}`, '#chart-disk'],
  );
  await page.goto('about:blank');
  await page.goto(link);
  await card.locator('.chart-tip').waitFor();
  assert.equal(await card.locator('.chart-tip').innerText(), told);
  await close();
});

test('F has a chart fill the window, and Esc puts it back', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  await firstChart(page);
  const card = page.locator('#chart-memory');
  await card.locator('.u-over').hover();
  await page.keyboard.press('f');
  await page.locator('#chart-memory.whole').waitFor();
  const wide = await card.boundingBox();
  assert.ok(wide.width >= page.viewportSize().width - 40, `${wide.width} px`);
  await page.keyboard.press('Escape');
  await page.locator('#chart-memory:not(.whole)').waitFor();
  await close();
});

test('all times are in the zone of the reader or in UTC, and the browser keeps which', async () => {
  const { page, close } = await tab(browser, SHANGHAI);
  await page.goto(`${server.at}/events`);
  const first = () => page.locator('main tbody td.when').first().innerText();
  await page.locator('main tbody td.when').first().waitFor();
  const utc = (words) => Date.parse(`${words.replace(' ', 'T')}Z`);
  const local = await first();
  const { events } = await server.json('/api/v1/events');
  assert.equal(utc(local) - APART_MS, Math.floor(events[0].at_ms / 1000) * 1000);
  await page.locator('#zone').click();
  await page.locator('#zone', { hasText: /^UTC$/ }).waitFor();
  await page.locator('main tbody td.when').first().waitFor();
  assert.equal(utc(local) - utc(await first()), APART_MS);
  const to = Date.UTC(2026, 10, 29, 18);
  await page.goto(`${server.at}/hosts/web-1?from=${to - 3_600_000}&to=${to}`);
  await page.locator('.when', { hasText: '17:00 – 18:00 UTC' }).first().waitFor();
  // What is typed is in the zone that is shown.
  await page.locator('.btn.when').click();
  await page.getByLabel('From', { exact: true }).fill('2026-11-29T16:00:00');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL(`**from=${to - 7_200_000}&to=${to}`);
  await page.keyboard.press('u');
  await page
    .locator('.when', { hasText: '11-30 00:00 – 11-30 02:00' })
    .or(page.locator('.when', { hasText: /00:00 – 02:00/ }))
    .first()
    .waitFor();
  await close();
});

test('what is shown stands still while live is off, and goes on with what came meanwhile', async () => {
  const { page, close } = await tab(browser);
  // What the page was told by the stream.
  await page.addInitScript(() => {
    globalThis.heard = [];
    globalThis.EventSource = class extends EventSource {
      constructor(address) {
        super(address);
        this.addEventListener('change', ({ data }) => globalThis.heard.push(JSON.parse(data)));
      }
    };
  });
  await page.goto(`${server.at}/?sort=name`);
  await page.waitForSelector(HOSTS_UP);
  await page.keyboard.press('l');
  await page.locator('#pulse', { hasText: /^Live off$/ }).waitFor();
  const [name] = await page.locator('.hosts tr.go .cover').allInnerTexts();
  const text = await page.locator('.hosts').innerText();
  await fleet.set(name, 'refuse');
  await until('the page was told of it', () =>
    page.evaluate(
      (host) =>
        globalThis.heard.some(({ hosts }) => hosts.some((row) => row.includes(host) && row.includes('down'))),
      name,
    ),
  );
  // Two frames later it would be drawn.
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  assert.equal(await page.locator('.hosts').innerText(), text);
  assert.equal(await page.locator('.trouble-list .down').count(), 0);
  await page.locator('#pulse').click();
  await page.locator('#pulse', { hasText: /^Live$/ }).waitFor();
  await page.locator('.hosts tr.down, .trouble-list .down').first().waitFor();
  await fleet.set(name, 'healthy');
  await close();
});
