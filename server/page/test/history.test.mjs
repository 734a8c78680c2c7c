// What was kept: charts of some polls, and a page of a day of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { endAll, firstChart, folder, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

/** The default interval, ms. */
const INTERVAL = 10_000;
/** Polls of a day, and those of some moments. */
const DAY = 8_640;
const FEW = 4;
/** What the API sends for a host's page at first, without charts' library and the stream, bytes as JSON. */
const HOST_PAGE_BYTES = 60_000;

let browser;
let fleet;
/** The folder of a server that polled the fleet some times. */
let polled;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 2, interval: '1s' });
  polled = folder();
  const first = await startServer(fleet.inventory, '', polled);
  await until('there are good polls', async () => (await goodPolls(first).catch(() => [])).length >= FEW);
  await first.stop();
});
after(async () => {
  await browser?.close();
  endAll();
});

/** The polls of web-1 that brought values, oldest first. */
async function goodPolls(server) {
  const { polls } = await server.json('/api/v1/hosts/web-1/polls?detail=false&order=asc');
  return polls.filter((poll) => poll.outcome === 'ok' && poll.cpu_busy_pct !== null);
}

/** A server that has so many polls of web-1, an interval apart, the last of them some moments ago. */
async function startWith(count) {
  const dir = folder();
  cpSync(polled, dir, { recursive: true });
  const sqlite = (sql) => {
    const ran = spawnSync('sqlite3', [path.join(dir, 'roundsman.db')], { input: sql });
    assert.equal(ran.status, 0, String(ran.stderr ?? ran.error));
    return String(ran.stdout).trim();
  };
  const columns = sqlite("SELECT group_concat(name) FROM pragma_table_info('poll');");
  const kept = sqlite(`
    CREATE TEMP TABLE good AS SELECT row_number() OVER (ORDER BY slot_ms) - 1 AS n, * FROM poll
      WHERE outcome = 'ok' AND cpu_busy_pct IS NOT NULL
      AND host_id = (SELECT host.id FROM host WHERE name = 'web-1');
    CREATE TEMP TABLE history AS WITH RECURSIVE seq(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM seq WHERE k < ${count})
      SELECT k, good.* FROM seq JOIN good ON good.n = k % (SELECT count(*) FROM good);
    UPDATE history SET slot_ms = (SELECT min(slot_ms) FROM poll) - k * ${INTERVAL};
    UPDATE history SET started_ms = slot_ms;
    DELETE FROM poll;
    INSERT INTO poll (${columns}) SELECT ${columns} FROM history;
    SELECT count(*) FROM poll;`);
  assert.equal(Number(kept), count);
  return startServer(fleet.inventory.replaceAll('"1s"', `"${INTERVAL / 1000}s"`), '', dir);
}

/** How much of a chart's first line is drawn: its width in columns of pixels that have the line's colour. */
async function drawnColumns(page, title, column) {
  return page.locator(`section[aria-label="${title}"] .u-over`).evaluate((over, wanted) => {
    const canvas = over.parentElement.querySelector('canvas');
    const paint = document.createElement('canvas').getContext('2d');
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.color = `var(${wanted})`;
    paint.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    paint.fillRect(0, 0, 1, 1);
    const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
    const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let at = 0; at < width * height; at += 1) {
      if (
        Math.abs(data[4 * at] - red) +
          Math.abs(data[4 * at + 1] - green) +
          Math.abs(data[4 * at + 2] - blue) <
          24 &&
        data[4 * at + 3] > 200
      )
        columns.add(at % width);
    }
    return columns.size;
  }, column);
}

describe('some polls at the default interval', () => {
  let server;
  before(async () => {
    server = await startWith(FEW);
  });
  after(async () => {
    await server?.stop('SIGKILL');
  });

  test('what there is shows in every span, also as a single dot', async () => {
    const { page, wrong, close } = await tab(browser);
    for (const range of ['15m', '1h', '6h', '24h', '7d', '30d']) {
      await page.goto(`${server.at}/hosts/web-1?range=${range}`);
      await firstChart(page);
      await until(`a line or a dot at ${range}`, async () => (await drawnColumns(page, 'Load', '--c1')) > 0);
    }
    assert.deepEqual(wrong, []);
    await close();
  });

  test('a span of some minutes is a line from poll to poll', async () => {
    const { page, wrong, close } = await tab(browser);
    // Not those of the server that runs: it was away for a while before them, and that is a gap.
    const moments = (await goodPolls(server)).slice(0, FEW).map((poll) => poll.slot_ms);
    const [from, to] = [moments[0] - 60_000, moments.at(-1) + 60_000];
    await page.goto(`${server.at}/hosts/web-1?from=${from}&to=${to}`);
    await firstChart(page);
    const { width } = await page.locator('section[aria-label="Load"] .u-over').boundingBox();
    // Polls lie on the points' grid, so the line may be up to one point shorter at each end.
    const line = ((moments.at(-1) - moments[0] - 2 * INTERVAL) / (to - from)) * width;
    await until('the line is drawn', async () => (await drawnColumns(page, 'Load', '--c1')) >= line - 4);
    assert.deepEqual(wrong, []);
    await close();
  });
});

test('a host with a day of history is opened with few bytes', async () => {
  const server = await startWith(DAY);
  await until('it answers', async () => (await server.json('/api/v1/hosts/web-1')).last?.outcome === 'ok');
  const { page, wrong, close } = await tab(browser);
  // Each question once: what is asked again when a poll comes in is not the page's opening.
  const sizes = new Map();
  page.on('response', async (answer) => {
    const url = new URL(answer.url());
    if (!url.pathname.startsWith('/api/') || url.pathname === '/api/v1/stream') return;
    for (const moment of ['from', 'to']) url.searchParams.delete(moment);
    const body = await answer.body().catch(() => null);
    const key = decodeURIComponent(`${url.pathname}${url.search}`);
    if (body && !sizes.has(key)) sizes.set(key, body.length);
  });
  await page.goto(`${server.at}/hosts/web-1`);
  await firstChart(page);
  await page.getByRole('region', { name: 'Attempts' }).locator('tbody tr').first().waitFor();
  await page.locator('.cores').waitFor();
  await until('when each filesystem is full is known', () =>
    [...sizes.keys()].some((key) => key.includes('/polls') && key.includes('filesystem')),
  );
  const sum = [...sizes.values()].reduce((all, one) => all + one, 0);
  console.log(
    `a host's page: ${sum} bytes\n${[...sizes].map(([key, bytes]) => `  ${bytes} ${key.slice(0, 110)}`).join('\n')}`,
  );
  assert.ok(sum <= HOST_PAGE_BYTES, `${sum} bytes`);
  // The rest is there when it is asked for, and stays when the answer to an earlier question comes after it.
  const few = /\/polls\?.*limit=12&/;
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(few, async (route) => {
    const answer = await route.fetch();
    await released;
    await route.fulfill({ response: answer });
  });
  await page.waitForRequest(few);
  await page.getByRole('button', { name: 'More' }).click();
  const rows = page.getByRole('region', { name: 'Attempts' }).locator('tbody tr');
  await until('there are more rows', async () => (await rows.count()) > 200);
  const overtaken = page.waitForResponse(few);
  release();
  await (await overtaken).finished();
  // What is done with an answer is done before the next frame but one.
  await page.evaluate(
    () =>
      new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(done));
      }),
  );
  assert.ok((await rows.count()) > 200);
  await page.unroute(few);
  assert.deepEqual(wrong, []);
  await close();
  await server.stop('SIGKILL');
});
