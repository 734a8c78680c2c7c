// How quick the page is, in numbers: node test/speed.mjs [SECONDS]. Of a release build (ROUNDSMAN_BIN) on a machine at
// rest; it prints what it measured, and judges nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  endAll,
  firstChart,
  startBrowser,
  startFleet,
  startServer,
  tab,
  tabBytes,
  until,
} from './harness.mjs';

/** For how long live updates are watched, s. */
const seconds = Number(process.argv[2] ?? 30);
/** Times that something short is done: the middle one counts. */
const TURNS = 7;
/** Graphs that are hovered over: those of a host that are not folded, and at least so many. */
const HOVERED = 10;
/** The clock of the kernel's process times, ticks a second. */
const TICKS = 100;
/** Time to come to rest after a page or a window is there, ms. */
const REST = 3000;
/** The large charts of a host, and what stands above them, as firstChart() waits for them. */
const FIRST = ['.charts.large > section', '.hosthead .facts dd'];

const say = (what, figures, budget) => console.log(`${what}: ${figures} (budget ${budget})`);
const middle = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

/** CPU time of the processes that draw tabs, s. */
function cpuOf(pids) {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

async function drawers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const all = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return all.filter((pid) => readdirSync('/proc').includes(String(pid)));
}

/**
 * A tab with nothing in it, at rest: for some seconds after a window is opened the browser is busy with its own parts,
 * and a reader's is open.
 */
async function resting(browser, options) {
  const made = await tab(browser, options);
  await pause(REST);
  return made;
}

/** A fleet of 5,000: until it can be filtered, and the memory of its tab. */
async function large(browser) {
  const fleet = await startFleet({ hosts: 5_000, interval: '60s' });
  const server = await startServer(fleet.inventory);
  await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up > 4_500);
  const took = [];
  let bytes = 0;
  let empty = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    const { page, close } = await resting(browser);
    empty = await tabBytes(browser);
    const began = performance.now();
    await page.goto(server.at, { waitUntil: 'commit' });
    await page.locator('#hosts .badge', { hasText: /^\d+$/ }).waitFor();
    await page.getByLabel('Filter hosts').fill('db-49');
    await page.locator('#hosts .badge', { hasText: 'of 5000 hosts' }).waitFor();
    took.push(performance.now() - began);
    await page.getByLabel('Filter hosts').fill('');
    await pause(REST);
    bytes = Math.max(bytes, await tabBytes(browser));
    await close();
  }
  say('5,000 hosts, interactive', `${middle(took).toFixed(0)} ms`, '1 s');
  const own = `an empty one ${(empty / 1e6).toFixed(0)}`;
  say('5,000 hosts, memory of the tab', `${(bytes / 1e6).toFixed(0)} MB, ${own}`, '100 MB');
  await server.stop('SIGKILL');
  await fleet.stop();
}

/** A host: its first charts, and frames while a pointer goes over its charts. */
async function host(browser, server) {
  const took = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const { page, close } = await resting(browser);
    // The page itself looks when they are there: to ask it takes as long as it waits for.
    await page.addInitScript(([charts, head]) => {
      const look = () => {
        const all = [...document.querySelectorAll(charts)];
        const areDrawn = all.length > 0 && all.every((one) => one.querySelector('.u-over'));
        if (areDrawn && document.querySelector(head)) globalThis.tookMs = performance.now();
        else requestAnimationFrame(look);
      };
      look();
    }, FIRST);
    await page.goto(`${server.at}/hosts/web-1`, { waitUntil: 'commit' });
    await firstChart(page);
    took.push(await page.evaluate(() => globalThis.tookMs));
    await close();
  }
  say("A host's first charts", `${middle(took).toFixed(0)} ms`, '400 ms');
  const { page, close } = await resting(browser, { viewport: { width: 1920, height: 2400 } });
  await page.goto(`${server.at}/hosts/web-1`);
  await until('its charts', async () => (await page.locator('.graphs .u-over').count()) >= HOVERED);
  await pause(REST);
  await page.evaluate(() => {
    globalThis.drawn = [];
    let before = performance.now();
    const next = (now) => {
      globalThis.drawn.push(now - before);
      before = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const worked = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration').value;
  };
  const before = await worked();
  const plots = await page.locator('.graphs .u-over').all();
  for (const plot of plots) {
    const box = await plot.boundingBox();
    if (!box) continue;
    await page.mouse.move(box.x + 4, box.y + box.height / 2);
    await page.mouse.move(box.x + box.width - 4, box.y + box.height / 2, { steps: 60 });
  }
  const spent = 1000 * ((await worked()) - before);
  const frames = (await page.evaluate(() => globalThis.drawn)).slice(2).sort((a, b) => a - b);
  const rate = (1000 * frames.length) / frames.reduce((sum, one) => sum + one, 0);
  const late = frames[Math.floor(frames.length * 0.95)];
  const own = `${(spent / frames.length).toFixed(1)} ms of the page's in each`;
  say(
    `A pointer over ${plots.length} charts`,
    `${rate.toFixed(0)} frames a second, p95 ${late.toFixed(0)} ms, ${own}`,
    '60',
  );
  await close();
}

/** A thousand hosts polled each second: what their updates cost the tab. */
async function live(browser, server) {
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  await page.locator('#hosts .badge', { hasText: /^\d+$/ }).waitFor();
  await pause(REST);
  const pids = await drawers(browser);
  const before = cpuOf(pids);
  await pause(seconds * 1000);
  const share = ((cpuOf(pids) - before) / seconds) * 100;
  say('1,000 hosts a second', `${share.toFixed(1)} % of one core in the tab`, '15 %');
  await close();
}

const browser = await startBrowser();
const fleet = await startFleet({ hosts: 1_000, interval: '1s' });
const server = await startServer(fleet.inventory);
await until('most hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up > 900);
await pause(REST);
await host(browser, server);
await live(browser, server);
await server.stop('SIGKILL');
await fleet.stop();
await large(browser);
await browser.close();
endAll();
