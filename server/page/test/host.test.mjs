// The page of a host: charts, span, what repeats, orders.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { endAll, firstChart, REFUSES, startBrowser, startSmall, tab, until } from './harness.mjs';

/** Charts that are large. */
const LARGE = 4;
/** Questions by which the charts in sight are drawn. */
const BATCHES = 2;

let browser;
let fleet;
let server;
before(async () => {
  browser = await startBrowser();
  ({ fleet, server } = await startSmall());
});
after(async () => {
  await browser?.close();
  endAll();
});

test('zooming asks for finer points, and the address holds the view', async () => {
  const { page, wrong, close } = await tab(browser);
  const steps = [];
  page.on('response', async (answer) => {
    if (!answer.url().includes('/series')) return;
    // One that is under way when the tab is closed has no body any more.
    const series = await answer.json().catch(() => null);
    if (series) steps.push(series.step_ms);
  });
  await page.goto(`${server.at}/hosts/web-1?range=6h`);
  const chart = await firstChart(page);
  const coarse = await until('the charts are asked for', () => steps[0]);
  const plot = await until('the plot has its place', () => chart.locator('.u-over').boundingBox());
  steps.length = 0;
  await page.mouse.move(plot.x + plot.width * 0.9, plot.y + 40);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.97, plot.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=\d+&to=\d+/);
  const fine = await until('they are asked for again', () => steps.find((step) => step < coarse));
  console.log(`a point is ${coarse} ms, zoomed in ${fine} ms`);
  const address = page.url();
  await page.getByRole('button', { name: 'Zoom out' }).click();
  await page.waitForFunction((left) => location.href !== left, address);
  await page.goBack();
  assert.equal(page.url(), address);
  await page.getByRole('button', { name: 'Zoom out' }).waitFor();
  // By two clicks and by a key, too.
  const wide = () => {
    const asked = new URL(page.url()).searchParams;
    return Number(asked.get('to')) - Number(asked.get('from'));
  };
  for (const out of [() => chart.locator('.u-over').dblclick(), () => page.keyboard.press('Escape')]) {
    const wideness = wide();
    assert.ok(wideness > 0);
    await out();
    await until('more is shown', () => wide() > wideness);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('no label of an axis is cut, and no bar touches its number', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  const chart = await firstChart(page);
  // The widest label there is, at the very end of the axis, has room: half of it lies right of the plot.
  const room = await chart.locator('.u-over').evaluate((over) => {
    const pen = document.createElement('canvas').getContext('2d');
    pen.font = `11.5px ${getComputedStyle(document.body).fontFamily}`;
    const wide = pen.measureText('00:00:00').width;
    const [plot, whole] = [over, over.parentElement].map((one) => one.getBoundingClientRect());
    return { left: whole.right - plot.right, wanted: wide / 2 };
  });
  assert.ok(room.left >= room.wanted, JSON.stringify(room));
  const meters = page.locator('.tables .meter');
  await meters.first().waitFor();
  const touching = await meters.evaluateAll(
    (all) =>
      all.filter((meter) => {
        const [value, bar] = ['.val', '.bar'].map((one) => meter.querySelector(one));
        value.textContent = '100 %';
        const range = document.createRange();
        range.selectNodeContents(value);
        const gap = bar.getBoundingClientRect().left - range.getBoundingClientRect().right;
        return !(gap >= 4);
      }).length,
  );
  assert.equal(touching, 0);
  // Nor does a figure stand over the little chart of its tile, where tiles are narrow.
  await page.setViewportSize({ width: 1110, height: 900 });
  const covered = await page.locator('.tile:has(.tspark)').evaluateAll((all) =>
    all.map((tile) => {
      const [figure, small] = ['.fig', '.tspark'].map((one) => tile.querySelector(one));
      figure.textContent = '1023 MiB/s';
      const range = document.createRange();
      range.selectNodeContents(figure);
      return range.getBoundingClientRect().right > small.getBoundingClientRect().left;
    }),
  );
  assert.ok(covered.length > 0 && !covered.includes(true), covered.join());
  await close();
});

test('the strip of states lies under the lines, moment under moment, when the window changes too', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1`);
  const chart = await firstChart(page);
  for (const width of [1400, 900, 420]) {
    await page.setViewportSize({ width, height: 900 });
    await until(`they are one above the other at ${width}`, async () => {
      const [plot, strip] = await Promise.all(
        ['.u-over', 'canvas.band'].map((one) => chart.locator(one).boundingBox()),
      );
      return (
        plot &&
        strip &&
        Math.abs(plot.x - strip.x) <= 1 &&
        Math.abs(plot.width - strip.width) <= 1 &&
        strip.y >= plot.y + plot.height
      );
    });
  }
  await close();
});

test('a line that was switched off stays off while values come in', async () => {
  const { page, wrong, close } = await tab(browser);
  let answers = 0;
  page.on('response', (answer) => {
    answers += Number(answer.url().includes('/series'));
  });
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  // By its value, then back and off again by its name.
  const chart = await firstChart(page);
  const line = chart.locator('.leg button').first();
  const off = page.locator('.leg button[aria-pressed=false]');
  await line.locator('b').click();
  await off.waitFor();
  await line.locator('span').click();
  await off.waitFor({ state: 'detached' });
  await line.locator('span').click();
  await off.waitFor();
  const plot = await chart.locator('.uplot').elementHandle();
  // Twice more, without a wait: the page takes it to be later.
  for (const later of [60_000, 120_000]) {
    const asked = answers;
    await page.evaluate((ms) => {
      globalThis.realNow ??= Date.now;
      Date.now = () => globalThis.realNow() + ms;
    }, later);
    await until('the charts are asked for again', () => answers >= asked + BATCHES);
  }
  assert.ok(await plot.evaluate((one) => one.isConnected), 'the plot is the same');
  assert.equal(await off.count(), 1);
  assert.deepEqual(wrong, []);
  await close();
});

test('a gap says which outcomes made it, in the chart, under it and in the ledger', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/${REFUSES}?range=15m`);
  const chart = await firstChart(page);
  // Above each chart stands what the gap was.
  const told = page.locator('.charts.large .gap', { hasText: /refused × \d+/ });
  await until('each large chart tells it', async () => (await told.count()) >= LARGE);
  assert.match(await told.first().textContent(), /^no answer for .+: refused × \d+$/);
  await until('the cursor is over a gap', async () => {
    const plot = await chart.locator('.u-over').boundingBox();
    // A host that is down is not asked all the time: some of the last moments have an attempt.
    for (let back = 2; plot && back < 120; back += 3) {
      await page.mouse.move(plot.x + plot.width - back, plot.y + 30);
      const tip = chart.locator('.chart-tip:visible');
      if (/failed: refused/.test(await tip.textContent({ timeout: 50 }).catch(() => ''))) return true;
    }
    return false;
  });
  assert.equal(await page.locator('.chart-tip:visible').count(), 1, 'charts have one cursor, and one tip');
  await until('the strip tells it, too', async () => {
    const strip = await chart.locator('canvas.band').boundingBox();
    for (let back = 2; strip && back < 120; back += 3) {
      await page.mouse.move(strip.x + strip.width - back, strip.y + 4);
      if ((await page.locator('.tip').allTextContents()).some((words) => /polls failed: refused/.test(words)))
        return true;
    }
    return false;
  });
  await page.locator('h2 + .m', { hasText: /refused ×/ }).waitFor();
  const rows = page.getByRole('region', { name: 'Attempts' }).locator('tbody tr');
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  await rows.first().waitFor();
  await page.getByRole('button', { name: 'Failed', exact: true }).click();
  // It is well: there are none, or, on a machine that is busy, those that failed.
  await until(
    'only what failed is listed',
    async () => (await rows.filter({ has: page.locator('.st.up') }).count()) === 0,
  );
  assert.deepEqual(wrong, []);
  await close();
});

test('a span of one’s own is typed, is in the address, and the ledger follows it', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1`);
  await page.getByTitle('Show from one moment to another').click();
  await page.getByLabel('From', { exact: true }).fill('2026-01-02T03:04:05');
  await page.getByLabel('To', { exact: true }).fill('2026-01-02T03:04:00');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByText('before the second').waitFor();
  await page.getByLabel('To', { exact: true }).fill('2026-01-02T04:04:05');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.locator('h2 + .m', { hasText: 'in this span' }).waitFor();
  const asked = new URL(page.url()).searchParams;
  assert.equal(Number(asked.get('to')) - Number(asked.get('from')), 3_600_000);
  await page.getByText('Not watched yet').first().waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('a line is switched by keys, and its name and last value stand in the legend', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1?range=15m`);
  const lines = page.getByRole('group', { name: 'Lines of CPU' });
  const user = lines.getByRole('button', { name: /^user/ });
  await user.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.leg [aria-pressed=false]');
  assert.equal(await user.getAttribute('aria-pressed'), 'false');
  await until('the value of now is there', async () =>
    /user \d+\.\d\s%/.test((await user.innerText()).replace(/\s+/g, ' ')),
  );
  await page.locator('#chart-cpu .now', { hasText: /\d.%.busy/ }).waitFor();
  await close();
});

test('what a host that fails was like stays to be seen, and since when', async () => {
  const { page, close } = await tab(browser);
  await fleet.set('app-7', 'refuse');
  await until('it is down', async () => (await server.json('/api/v1/hosts/app-7')).state === 'down');
  await page.goto(`${server.at}/hosts/app-7`);
  await page.getByText(/As of .*: polls since then brought no values/).waitFor();
  await page.locator('.cores button').first().waitFor();
  await fleet.set('app-7', 'healthy');
  await close();
});

test('a host is polled, paused and resumed by its buttons', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-2`);
  await page.getByRole('button', { name: 'Poll now' }).click();
  await page.getByText('Polled: ok').waitFor();
  await page.getByRole('button', { name: 'Pause…' }).click();
  await page.getByRole('dialog').getByLabel('Why').fill('new <b>disk</b>');
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('.pill.paused').waitFor();
  await page.getByText('new <b>disk</b>').first().waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('.pill.up').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test('another machine under a host’s name is told, and accepted by its button', async () => {
  const { page, wrong, close } = await tab(browser);
  await fleet.set('web-5', 'wrong-machine');
  await page.goto(`${server.at}/hosts/web-5`);
  await page.getByRole('button', { name: 'Accept this machine' }).click();
  await page.locator('.pill.up').waitFor();
  await page.getByRole('button', { name: 'Accept this machine' }).waitFor({ state: 'hidden' });
  assert.deepEqual(wrong, []);
  await close();
});

/** Holds back the first answer to a question that is asked from now on, or all, until `release` is called. */
async function hold(page, question, all = false) {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  let isFirst = true;
  let asked;
  const held = new Promise((resolve) => {
    asked = resolve;
  });
  await page.route(question, async (route) => {
    if (!isFirst && !all) return route.fallback();
    isFirst = false;
    const answer = await route.fetch();
    asked();
    await released;
    return route.fulfill({ response: answer });
  });
  return {
    held,
    async release() {
      const late = page.waitForResponse(question);
      release();
      await (await late).finished();
      // What is done with an answer is done before the next frame but one.
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
    },
  };
}

test('an answer that a later one has overtaken is not shown', async () => {
  const { page, wrong, close } = await tab(browser);
  const head = page.locator('.hosthead');
  // The state as it was before the host was paused comes after the one that it has since.
  await page.goto(`${server.at}/hosts/web-4`);
  await head.locator('.pill.up').waitFor();
  await page.locator('.leg').first().waitFor();
  const answers = {
    state: await hold(page, /\/hosts\/web-4\?fields=/),
    story: await hold(page, /\/hosts\/web-4\/events\?/),
  };
  await Promise.all([answers.state.held, answers.story.held]);
  await server.post('/api/v1/hosts/web-4/pause', { reason: 'overtaken' });
  await head.locator('.pill.paused').waitFor();
  const change = page.getByRole('region', { name: 'Changes of state' }).getByText('overtaken').first();
  await change.waitFor();
  await answers.state.release();
  await answers.story.release();
  assert.equal(await head.locator('.pill.paused').count(), 1);
  assert.ok(await change.isVisible());
  await server.post('/api/v1/hosts/web-4/resume', {});
  assert.deepEqual(wrong, []);
  await close();
});

test('what was known before does not come after what is known now', async () => {
  const { page, wrong, close } = await tab(browser);
  // What a host that fails was like is asked for; meanwhile it answers again.
  await fleet.set('web-3', 'refuse');
  await until('it fails', async () => (await server.json('/api/v1/hosts/web-3')).last.outcome === 'refused');
  const late = await hold(page, /\/hosts\/web-3\/polls\?.*limit=1&/, true);
  await page.goto(`${server.at}/hosts/web-3`);
  await late.held;
  await fleet.set('web-3', 'healthy');
  await page.locator('.cores').waitFor();
  await late.release();
  assert.equal(await page.getByText(/polls since then brought no values/).count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test('of two spans the one that was chosen last is drawn, and what is marked there stays marked', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/hosts/web-1`);
  await firstChart(page);
  const first = await hold(page, /\/series\?/);
  await page.getByRole('button', { name: '6h', exact: true }).click();
  await first.held;
  await page.getByRole('button', { name: '15m', exact: true }).click();
  const note = page.getByText(/^\d+ s per point/);
  const isFine = async () => Number(/(\d+) s/.exec(await note.textContent())[1]) < 10;
  await until('the short one is drawn', isFine);
  await first.release();
  assert.ok(await isFine());
  // Marked text is there to be copied: values that come in do not take it away.
  const kept = page.locator('.hosthead .facts dd').first();
  const words = await kept.textContent();
  await kept.evaluate((one) => getSelection().selectAllChildren(one));
  const newest = page.getByRole('region', { name: 'Attempts' }).locator('tbody td').first();
  const slot = await newest.textContent();
  await until('a newer poll is shown', async () => (await newest.textContent()) !== slot);
  assert.equal(await page.evaluate(() => getSelection().toString()), words);
  assert.deepEqual(wrong, []);
  await close();
});
