// What a host's page looks like at any interval and in any window: nothing blank, nothing cut, nobody shut out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  endAll,
  firstChart,
  REFUSES,
  startBrowser,
  startFleet,
  startServer,
  tab,
  until,
} from './harness.mjs';
import { grave, outside, WIDTHS } from './sight.mjs';

/** How high the head of a host that is well is at most, px. */
const HEAD_PX = 120;
/** The intervals at which hosts are polled, s, and the host of each. */
const INTERVALS = { 'web-1': 2, 'web-2': 10, 'web-3': 30, 'web-4': 60 };

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: 12, interval: '1s', behave: ['#12=refuse'] });
  const own = (text, [host, interval]) =>
    text.replace(`name = "${host}"\n`, `name = "${host}"\ninterval = "${interval}s"\n`);
  const inventory = Object.entries(INTERVALS).reduce(own, fleet.inventory);
  server = await startServer(inventory);
  await until('one is up and one is down', async () => {
    const { counts } = await server.json('/api/v1/fleet');
    return counts.up >= 6 && counts.down >= 1;
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

/** An answer of the server as it would be of a host that is polled so often for a long time. */
function polledFor(series, interval) {
  const step = Math.max(series.step_ms, 1);
  const span = series.polls.length * step;
  const every = interval * 1000;
  // The server gives no point that is finer than polls are apart.
  const points = Math.min(series.polls.length, Math.floor(span / every));
  const wide = Math.ceil(span / points / every) * every;
  const count = Math.floor(span / wide);
  const value = (point) => 20 + 10 * Math.sin(point / 5);
  const filled = Array.from({ length: count }, (_, point) => value(point));
  return {
    ...series,
    step_ms: wide,
    polls: filled.map(() => Math.round(wide / every)),
    failed: filled.map(() => 0),
    columns: series.columns.map((one) => ({ name: one.name, avg: filled, min: filled, max: filled })),
  };
}

/** How many columns of pixels of a plot have something drawn in them that is no grid. */
const drawn = (chart) =>
  chart.locator('.u-wrap > canvas').evaluate((canvas) => {
    const over = canvas.parentElement.querySelector('.u-over').getBoundingClientRect();
    const whole = canvas.getBoundingClientRect();
    const scale = canvas.width / whole.width;
    const [left, above] = [(over.left - whole.left) * scale, (over.top - whole.top) * scale];
    const pen = canvas.getContext('2d');
    const { data, width, height } = pen.getImageData(left, above, over.width * scale, over.height * scale);
    let count = 0;
    for (let x = 0; x < width; x += 1) {
      for (let y = 0; y < height; y += 1) {
        const at = 4 * (y * width + x);
        const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
        // Lines and areas have hues, what lies behind them is grey.
        if (data[at + 3] > 60 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40) {
          count += 1;
          break;
        }
      }
    }
    return count / width;
  });

test('no chart is blank, however often a host is polled, in any span and zoomed into', async () => {
  const { page, wrong, close } = await tab(browser);
  for (const [host, interval] of Object.entries(INTERVALS)) {
    await page.route('**/series?*', async (route) => {
      const answer = await route.fetch();
      const series = await answer.json();
      const isWhole = Boolean(series.polls);
      await route.fulfill({ response: answer, json: isWhole ? polledFor(series, interval) : series });
    });
    const to = Date.now();
    for (const search of ['?range=15m', '?range=1h', '?range=24h', `?from=${to - 300_000}&to=${to}`]) {
      await page.goto(`${server.at}/hosts/${host}${search}`);
      await firstChart(page);
      for (const key of ['cpu', 'network', 'load']) {
        const chart = page.locator(`#chart-${key}`);
        await until(`${key} of ${host} ${search} is drawn`, async () => (await drawn(chart)) > 0.7);
      }
    }
    await page.unrouteAll({ behavior: 'wait' });
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('what the server has in memory does not wait for graphs that the store does not give', async () => {
  const { page, close } = await tab(browser);
  await page.route(/\/api\/v1\/hosts\/web-1\/(events|series)\?/, () => {});
  await page.goto(`${server.at}/hosts/web-1`);
  await page.locator('.tables .cores button').first().waitFor();
  await page.locator('#pulse', { hasText: 'Live' }).waitFor();
  await close();
});

test('the head of a host that is well is low, and one that is down says why', async () => {
  const { page, wrong, close } = await tab(browser, { viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.at}/hosts/app-6`);
  await firstChart(page);
  const { height } = await page.locator('.hosthead').boundingBox();
  assert.ok(height <= HEAD_PX, `${height} px`);
  assert.equal(await page.locator('.cause').count(), 0, 'what is well needs no banner');
  await page.goto(`${server.at}/hosts/${REFUSES}`);
  const cause = page.locator('.cause.down');
  await cause.getByRole('heading', { name: /^Refused: / }).waitFor();
  assert.equal(await page.locator('.cause').count(), 1, 'said once');
  await cause.getByRole('button', { name: 'Silence…' }).waitFor();
  // What is not known is no 0.
  assert.deepEqual((await page.locator('.tile .fig').allTextContents()).slice(0, 5), Array(5).fill('–'));
  assert.deepEqual(wrong, []);
  await close();
});

test('a tile leads to its chart, and a row of a table opens one', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/app-6`);
  await firstChart(page);
  await page.locator('.tile', { hasText: 'Pressure' }).click();
  await until('the chart has the focus', () =>
    page.evaluate(() => document.activeElement.id === 'chart-pressure'),
  );
  const row = page.getByRole('region', { name: 'Interfaces' }).locator('button.name').first();
  const name = await row.textContent();
  await row.click();
  const chart = page.locator('.rowgraphs').getByRole('region', { name });
  await until('its chart is drawn', async () => (await drawn(chart)) > 0);
  await chart.getByRole('button', { name: `Close ${name}` }).click();
  await chart.waitFor({ state: 'detached' });
  assert.deepEqual(wrong, []);
  await close();
});

/** Elements whose text is wider or higher than they are, and that do not say so by an ellipsis or a scroll. */
const cut = (page) =>
  page.evaluate(() => {
    const found = [];
    for (const one of document.querySelectorAll('main *')) {
      const style = getComputedStyle(one);
      const isText = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!isText || one.closest('.wide, .evs, svg, canvas, .said, .stood, [hidden]')) continue;
      if (style.textOverflow === 'ellipsis' || style.display === 'inline' || !one.clientWidth) continue;
      if (one.scrollWidth > one.clientWidth + 1)
        found.push(`${one.className || one.tagName}: ${one.textContent}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page is wider than the window');
    return found.slice(0, 5);
  });

test('the loopback is folded with the interfaces that are idle, and stands last', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1`);
  const card = page.locator('section.card', { has: page.getByRole('heading', { name: 'Interfaces' }) });
  const fold = card.getByRole('button', { name: 'loopback' });
  const names = () => card.locator('button.name').allTextContents();
  await fold.waitFor();
  assert.ok(!(await names()).includes('lo'));
  await fold.click();
  await until('it is unfolded', async () => (await names()).includes('lo'));
  assert.equal((await names()).at(-1), 'lo');
  await close();
});

test('on a phone no name of a mark lies under the words of a gap', async () => {
  const { page, close } = await tab(browser, { viewport: { width: 390, height: 844 } });
  // What is written on each canvas since it was cleared.
  await page.addInitScript(() => {
    const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
    globalThis.written = new Map();
    CanvasRenderingContext2D.prototype.clearRect = function clear(...all) {
      globalThis.written.set(this.canvas, []);
      return clearRect.apply(this, all);
    };
    CanvasRenderingContext2D.prototype.fillText = function write(text, x, y, ...rest) {
      globalThis.written.get(this.canvas)?.push({ text, x, y, wide: this.measureText(text).width });
      return fillText.call(this, text, x, y, ...rest);
    };
  });
  // One before the gap, and one where its words are.
  const { events } = await server.json(`/api/v1/hosts/${REFUSES}/events`);
  const begin = events.at(-1).at_ms;
  for (const [text, at] of [
    ['v1', begin - 40_000],
    ['v2', begin + 8000],
  ])
    await server.post('/api/v1/annotations', {
      ...{ text, kind: 'deploy', who: 'Ann', hosts: [REFUSES] },
      at: new Date(at).toISOString(),
    });
  await page.goto(`${server.at}/hosts/${REFUSES}?from=${begin - 60_000}&to=${begin + 60_000}`);
  const chart = await firstChart(page);
  await chart.locator('.stood .gap', { hasText: 'refused' }).waitFor();
  const isWritten = () => [...globalThis.written.values()].flat().some(({ text }) => text === 'v1');
  await page.waitForFunction(isWritten);
  const covered = await chart.evaluate((card) => {
    const canvas = card.querySelector('.u-wrap canvas');
    const box = canvas.getBoundingClientRect();
    const above = globalThis.written.get(canvas).filter(({ y }) => y < 20 * devicePixelRatio);
    const gaps = [...card.querySelectorAll('.stood .gap')].map((gap) => gap.getBoundingClientRect());
    return above.filter(({ x, wide }) =>
      gaps.some(({ left, right }) => {
        const [from, to] = [x, x + wide].map((px) => box.left + px / devicePixelRatio);
        return from < right && to > left;
      }),
    );
  });
  assert.deepEqual(covered, []);
  await close();
});

test('at any width and in both themes no text is outside of its box, and axe finds nothing serious', async () => {
  for (const colorScheme of ['light', 'dark']) {
    const { page, wrong, close } = await tab(browser, { colorScheme });
    for (const host of ['app-6', REFUSES]) {
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`${server.at}/hosts/${host}?range=15m`);
        await firstChart(page);
        await page.getByRole('region', { name: 'Attempts' }).locator('tbody tr').first().waitFor();
        assert.deepEqual(await cut(page), [], `${host} at ${width} px, ${colorScheme}`);
        assert.deepEqual(await page.evaluate(outside), [], `${host} at ${width} px, ${colorScheme}`);
        if (width === 1440) assert.deepEqual(await grave(page), [], `${host}, ${colorScheme}`);
      }
    }
    assert.deepEqual(wrong, []);
    await close();
  }
});
