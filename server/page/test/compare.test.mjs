// Hosts beside each other: what is drawn is what the server says, and the ways to it by keys and by a pointer alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { endAll, HOSTS_UP, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';
import { outside } from './sight.mjs';

/** More hosts than have lines of their own, and a group of fewer. */
const HOSTS = 20;
const LINES = 12;
const WIDTHS = [390, 1440, 1920];
const WRITTEN = 'disk_written_bytes_per_s';

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  const fleet = await startFleet({ hosts: HOSTS, interval: '1s' });
  const racked = (name) => `name = "${name}"\nlabels = { rack = "r1" }\n`;
  const inventory = ['web-1', 'db-8'].reduce(
    (text, name) => text.replace(`name = "${name}"\n`, racked(name)),
    fleet.inventory,
  );
  server = await startServer(inventory);
  await until('all hosts have some values', async () => {
    const { top } = await server.json(`/api/v1/top?column=${WRITTEN}&n=100`);
    return top.length === HOSTS && top.every(({ count }) => count > 3);
  });
});
after(async () => {
  await browser?.close();
  endAll();
});

/** The names of the fleet's hosts. */
const names = async () => (await server.json('/api/v1/hosts?fields=name')).hosts.map(({ name }) => name);

/** Answers of the server as the page got them, by what their address begins with. */
function heard(page, begin) {
  const all = [];
  page.on('response', async (response) => {
    const { pathname, search } = new URL(response.url());
    if (pathname.endsWith(begin))
      all.push({ asked: new URLSearchParams(search), body: await response.json() });
  });
  return all;
}

/** A graph's file, as rows of cells. */
async function csv(page, card) {
  await card.locator('summary').click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    card.getByRole('button', { name: 'CSV', exact: true }).click(),
  ]);
  const text = readFileSync(await download.path(), 'utf8');
  return text
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
}

/** A fixed span, so that what is drawn stays. */
function span(minutes) {
  const to = Date.now();
  return `from=${to - minutes * 60_000}&to=${to}`;
}

/** The first hosts of the list that is shown. */
const listed = (page, count) =>
  page
    .locator('.ranking tbody tr a')
    .evaluateAll((all, some) => all.slice(0, some).map((one) => one.textContent), count);

/** The order of the first hosts may change while it is looked at: as the server has it before or after. */
async function isTop(page, count) {
  const ask = async () =>
    (await server.json(`/api/v1/top?column=${WRITTEN}&n=${count}`)).top.map(({ host }) => host).join();
  await until('the list is that of the server', async () => {
    const first = await ask();
    const shown = (await listed(page, count)).join();
    return shown === first || shown === (await ask());
  });
}

test('where nobody chose a span it begins with the hosts, so that no graph of a new fleet is empty', async () => {
  const { page, wrong, close } = await tab(browser);
  const answers = heard(page, '/api/v1/series');
  await page.goto(`${server.at}/compare?column=cpu_busy_pct`);
  await until('there is a graph', async () => answers.length > 0);
  const { hosts } = await server.json('/api/v1/hosts?fields=since_ms');
  const since = Math.min(...hosts.map(({ since_ms: at }) => at));
  const [from, to] = ['from', 'to'].map((key) => Number(answers[0].asked.get(key)));
  assert.ok(from >= Math.min(since - 15_000, to - 180_000), `${since} ${from} ${to}`);
  assert.deepEqual(wrong, []);
  await close();
});

test('up to twelve hosts have lines, more a band and who is outside of it: as the server says', async () => {
  const { page, wrong, close } = await tab(browser, { acceptDownloads: true });
  const all = (await names()).sort();
  for (const [hosts, isBand] of [
    [all.slice(0, LINES), false],
    [all.slice(0, LINES + 1), true],
  ]) {
    const answers = heard(page, '/api/v1/series');
    await page.goto(`${server.at}/compare?hosts=${hosts.join()}&column=cpu_busy_pct&${span(10)}`);
    const card = page.locator('#chart-cpu_busy_pct');
    await card.locator('.u-over').waitFor();
    const [head, ...rows] = await csv(page, card);
    const { body } = answers.findLast(({ asked }) => asked.get('column') === 'cpu_busy_pct');
    assert.equal(Boolean(body.spread), isBand);
    const lines = body.lines.map(({ host, values }) => [host, values.avg]);
    const { p50, p10, p90 } = body.spread ?? {};
    const wanted = isBand ? [['p50', p50], ...lines, ['p10', p10], ['p90', p90]] : lines;
    assert.deepEqual(head, ['time', ...wanted.map(([name]) => name)]);
    assert.ok(rows.length > 200 && body.step_ms > 1000, 'points are of several polls: their means are drawn');
    rows.forEach(([time, ...cells], point) => {
      assert.equal(Date.parse(time), body.start_ms + point * body.step_ms);
      assert.deepEqual(
        cells,
        wanted.map(([, values]) => String(values[point] ?? '')),
      );
    });
    const key = await card.locator('.key').innerText();
    assert.match(key, isBand ? /p10 – p90[^]*median[^]*of 13 outside/ : /^12 hosts$/);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('what hosts come to is the sum of rates and the mean of shares, of few and of many', async () => {
  const { page, wrong, close } = await tab(browser, { acceptDownloads: true });
  const all = (await names()).sort();
  const isNear = (cell, value, words) =>
    value === null ? assert.equal(cell, '') : assert.ok(Math.abs(cell / value - 1) < 1e-6, words);
  for (const [hosts, column, way] of [
    [all.slice(0, 3), WRITTEN, 'sum'],
    [all.slice(0, 3), 'cpu_busy_pct', 'mean'],
    [all.slice(0, LINES + 2), WRITTEN, 'sum'],
    [all.slice(0, LINES + 2), 'cpu_busy_pct', 'mean'],
  ]) {
    const answers = heard(page, '/api/v1/series');
    await page.goto(`${server.at}/compare?hosts=${hosts.join()}&column=${column}&draw=sum&${span(10)}`);
    const card = page.locator(`#chart-${column}`);
    await card.locator('.u-over').waitFor();
    await card.locator('.key', { hasText: `${way} of ${hosts.length} hosts` }).waitFor();
    const [head, ...rows] = await csv(page, card);
    assert.deepEqual(head, ['time', way]);
    const { body } = answers.findLast(({ asked }) => asked.get('column') === column);
    rows.forEach(([time, cell], point) => {
      const known = body.lines.map(({ values }) => values.avg[point]).filter((one) => one !== null);
      const sum = known.reduce((whole, one) => whole + one, 0);
      const { mean, hosts: count } = body.spread ?? {};
      const value = body.spread
        ? mean[point] && mean[point] * (way === 'sum' ? count[point] : 1)
        : known.length
          ? sum / (way === 'sum' ? 1 : known.length)
          : null;
      isNear(cell, value, `${way} at ${time}: ${cell} for ${value}`);
    });
    assert.ok(rows.some(([, cell]) => cell !== ''));
  }
  assert.deepEqual(wrong, []);
  await close();
});

test('a chart for each host, all by one scale and at one moment', async () => {
  const { page, wrong, close } = await tab(browser);
  const all = (await names()).filter((name) => name.startsWith('web-'));
  await page.goto(`${server.at}/compare?group=web&column=cpu_busy_pct&draw=grid`);
  const charts = page.locator('.card.small');
  await until('each host has a chart', async () => (await charts.count()) === all.length);
  assert.deepEqual((await charts.locator('a').allTextContents()).toSorted(), all.toSorted());
  await page.getByText(/^each from 0 to \d+ %$/).waitFor();
  // Where one is pointed at, all tell their value of that moment, which is long before there were any.
  const value = () => charts.locator('b').allTextContents();
  assert.ok((await value()).every((words) => /\d/.test(words)));
  const box = await charts.first().locator('canvas').boundingBox();
  await page.mouse.move(box.x + 1, box.y + 20);
  await until('no value', async () => (await value()).every((words) => words === '–'));
  await page.mouse.move(0, 0);
  await until('values of now', async () => (await value()).every((words) => /\d/.test(words)));
  await charts.first().locator('a').click();
  await page.waitForURL('**/hosts/web-*');
  assert.deepEqual(wrong, []);
  await close();
});

test('hosts are chosen by a label', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/compare`);
  await page.locator('.compare .u-over').first().waitFor();
  await page.getByRole('button', { name: 'Host, group or label' }).click();
  await page.getByRole('combobox').fill('rack=');
  await page.locator('[role=option]', { hasText: 'rack=r1' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/label=rack(=|%3D)r1/);
  await page.getByRole('heading', { name: 'rack=r1' }).waitFor();
  await page.locator('.subject', { hasText: '2 hosts' }).waitFor();
  await page.getByRole('button', { name: 'CPU', exact: true }).click();
  await page.locator('.ranking .badge', { hasText: '2 of 2' }).waitFor();
  await page.getByRole('link', { name: 'Show the hosts' }).click();
  await page.waitForURL(/\?label=rack(=|%3D)r1#hosts/);
  assert.deepEqual(wrong, []);
  await close();
});

test('the moment that is pointed at has the values of the server', async () => {
  const { page, close } = await tab(browser);
  const answers = heard(page, '/api/v1/series');
  const [one, other] = await names();
  await page.goto(`${server.at}/compare?hosts=${one},${other}&column=load_1&${span(1)}`);
  const over = page.locator('#chart-load_1 .u-over');
  const box = await until('the plot has its place', () => over.boundingBox());
  await page.mouse.move(box.x + box.width * 0.8, box.y + 50);
  await page.mouse.move(box.x + box.width * 0.9, box.y + 50);
  const tip = page.locator('.chart-tip');
  await tip.waitFor();
  const time = await tip.locator('.when').innerText();
  const told = Object.fromEntries(
    await tip
      .locator('div')
      .evaluateAll((rows) =>
        rows.map((row) => [row.querySelector('span').textContent, row.querySelector('b').textContent]),
      ),
  );
  const { body } = answers.findLast(({ asked }) => asked.get('column') === 'load_1');
  const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(11, 19);
  const points = body.lines[0].values.avg.map((_, point) => local(body.start_ms + point * body.step_ms));
  const point = points.indexOf(time);
  assert.ok(point >= 0, time);
  assert.deepEqual(
    told,
    Object.fromEntries(body.lines.map(({ host, values }) => [host, values.avg[point].toFixed(2)])),
  );
  await close();
});

test('which five hosts wrote most in the last hour: three steps by keys alone', async () => {
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('top disk written');
  await page.keyboard.press('Enter');
  await page.waitForURL(/compare\?column=disk_written_bytes_per_s&top=10$/);
  await isTop(page, 5);
  assert.equal(
    await page.locator('.seg [aria-pressed=true]', { hasText: /^1h$/ }).count(),
    1,
    'of the last hour',
  );
  // From there a host is one key away for who goes on with Tab, and has the same span.
  await page.locator('.ranking tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/hosts\/[\w-]+\?range=1h$/);
  await close();
});

test('which five hosts wrote most in the last hour: three steps by a pointer alone', async () => {
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  await page.waitForSelector(HOSTS_UP);
  await page.locator('.nav').getByText('Compare').click();
  await page.getByRole('button', { name: 'Top', exact: true }).click();
  await page.getByRole('button', { name: 'Disk written' }).click();
  await isTop(page, 5);
  const { top } = await server.json(`/api/v1/top?column=${WRITTEN}&n=10`);
  assert.equal(await page.locator('.ranking tbody tr').count(), top.length);
  await page.getByRole('button', { name: 'Least' }).click();
  await page.waitForURL(/order=asc/);
  await until('the least is first', async () => {
    const least = await server.json(`/api/v1/top?column=${WRITTEN}&n=1&order=asc`);
    return (await listed(page, 1))[0] === least.top[0].host;
  });
  await close();
});

test('a group has a page: what its hosts come to, four charts, the way to its hosts', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(server.at);
  await page.locator('tr.group a', { hasText: 'db' }).click();
  await page.waitForURL(/compare\?group=db$/);
  await page.locator('.charts.large .u-over').nth(3).waitFor();
  assert.equal(await page.locator('h1').innerText(), 'Group db');
  const members = (await server.json('/api/v1/hosts?group=db&fields=name,state')).hosts;
  const up = members.filter(({ state }) => state === 'up').length;
  assert.match(await page.locator('.sums').innerText(), new RegExp(`^Up\\s+${up} of ${members.length}`));
  assert.deepEqual(await page.locator('.chart h2').allInnerTexts(), [
    'CPU',
    'Memory',
    'Network out',
    'Disk written',
  ]);
  await page.getByRole('link', { name: 'Show its hosts' }).click();
  await page.waitForURL(/\?group=db#hosts$/);
  await page.waitForSelector(HOSTS_UP);
  assert.deepEqual(wrong, []);
  await close();
});

test('hosts are ticked by a pointer or a key, and compared; the address keeps column, hosts and span', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/?sort=name`);
  const rows = page.locator('.hosts tr.go');
  await rows.nth(2).waitFor();
  const [first, second] = await rows.locator('.cover').allInnerTexts();
  await rows.first().hover();
  await rows.first().locator('.tick').click();
  await rows.nth(1).locator('.cover').focus();
  await page.keyboard.press('x');
  await page.getByRole('link', { name: 'Compare 2' }).click();
  await page.waitForURL(`**/compare?hosts=${first},${second}`);
  await page.getByRole('button', { name: 'Memory', exact: true }).click();
  await page.getByRole('button', { name: '6h', exact: true }).click();
  await page.waitForURL(`**/compare?hosts=${first},${second}&column=mem_used_pct&range=6h`);
  await page.reload();
  await page.locator('#chart-mem_used_pct .u-over').waitFor();
  await until('both are listed', async () => (await listed(page, 5)).length === 2);
  assert.equal(await page.locator('.seg [aria-pressed=true]', { hasText: /^6h$/ }).count(), 1);
  await page.goBack();
  await page.waitForURL(/mem_used_pct$/);
  await close();
});

test('any column is found by its name or its meaning', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/compare?top=5`);
  await page.locator('.compare .u-over').waitFor();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('combobox', { name: 'Choose a column' }).fill('retransmitted');
  await page.locator('[role=option]', { hasText: 'tcp_retransmitted_segments_per_s' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/column=tcp_retransmitted_segments_per_s/);
  await page.locator('#chart-tcp_retransmitted_segments_per_s').waitFor();
  await close();
});

test('what cannot be compared is told in the words of the server', async () => {
  const { page, close } = await tab(browser);
  await page.goto(`${server.at}/compare?group=nobody&column=load_1`);
  const asked = await fetch(`${server.at}/api/v1/series?group=nobody&column=load_1`);
  const { detail } = await asked.json();
  await page.locator('.chart [role=status]', { hasText: detail }).waitFor();
  await close();
});

test('no text stands outside of its card or of the window', async () => {
  for (const width of WIDTHS) {
    const { page, close } = await tab(browser, { viewport: { width, height: 900 } });
    for (const search of [
      '',
      '?group=web&column=net_tx_bytes_per_s',
      '?top=10&column=disk_written_bytes_per_s',
      '?group=web&column=disk_written_bytes_per_s&draw=grid',
      '?draw=sum',
    ]) {
      await page.goto(`${server.at}/compare${search}`);
      await page.locator('.compare .u-over, .card.small').first().waitFor();
      if (search.includes('column')) await page.locator('.ranking tbody tr').first().waitFor();
      if (!search.includes('grid')) await page.locator('.tools summary').first().click();
      assert.deepEqual(await page.evaluate(outside), [], `${width} ${search}`);
    }
    await close();
  }
});
