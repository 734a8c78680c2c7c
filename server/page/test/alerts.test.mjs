// Alarms on the page: they appear as they begin, are acted upon, and whoever is told of them is seen.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endAll, folder, startBrowser, startFleet, startServer, tab, until } from './harness.mjs';

/** The smallest phone. */
const SMALL = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

const DOWN = `
[[alert]]
name = "host-down"
when = 'state == "down"'
severity = "critical"
summary = "{host} is down: {outcome}"
`;
let browser;
let fleet;
let server;
let receiver;
before(async () => {
  browser = await startBrowser();
  fleet = await startFleet({ hosts: 6, interval: '1s' });
  // Whoever is told takes everything.
  receiver = createServer((request, answer) => {
    request.resume();
    answer.end('{}');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const channel = `
[[channel]]
name = "ops"
kind = "webhook"
url = "http://127.0.0.1:${receiver.address().port}/"

[[route]]
channels = ["ops"]
wait = "1s"
`;
  const dir = folder();
  writeFileSync(path.join(dir, 'alerts.toml'), DOWN + channel);
  server = await startServer(fleet.inventory, '', dir);
  await until('the hosts are up', async () => (await server.json('/api/v1/fleet')).counts.up === 6);
});
after(async () => {
  await browser?.close();
  receiver?.close();
  endAll();
});

/** The row of the alarm of a host that is down. */
const rowOf = (page, host) => page.locator('table.alarms tr', { hasText: host });

test('an alarm is seen when it begins and gone when it is over, on the page as it is', async () => {
  const { page, wrong, close } = await tab(browser);
  await page.goto(`${server.at}/alerts`);
  await page.getByText('No alert fires. 1 rule, evaluated on each poll.').waitFor();
  await page.getByText('No alert in this period').waitFor();
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });
  await fleet.set('web-3', 'refuse');
  const row = rowOf(page, 'web-3');
  await row.getByText('Down: refused').waitFor();
  await row.getByText('state == "down"').waitFor();
  await page.locator('tr.severity', { hasText: 'Critical 1' }).waitFor();
  await page.locator('#firing', { hasText: '1' }).waitFor();
  const past = page.getByRole('region', { name: 'Changes of alarms' }).locator('tbody tr');
  await past.filter({ hasText: 'firing' }).waitFor();
  // In the fleet the host is marked, and the mark leads to its alarms.
  await page.getByRole('link', { name: 'Fleet', exact: true }).click();
  await page.getByRole('link', { name: '1 alert', exact: true }).click();
  await page.waitForURL(`${server.at}/alerts?host=web-3`);
  await row.waitFor();
  await page.getByLabel('Only this host').fill('web-2');
  await page.getByLabel('Only this host').press('Enter');
  await page.getByText('No alert matches the filter').waitFor();
  await page.goBack();
  await page.locator('.nav').getByRole('link', { name: 'Alerts' }).click();
  await row.waitFor();
  await fleet.set('web-3', 'healthy');
  await row.waitFor({ state: 'detached' });
  await past.filter({ hasText: 'ok' }).first().waitFor();
  await page.locator('#firing').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true, 'no reload');
  assert.deepEqual(wrong, []);
  await close();
});

test('an alarm is acknowledged and silenced by its buttons, and who did is remembered', async () => {
  const { page, wrong, close } = await tab(browser, SMALL);
  await fleet.set('web-3', 'refuse');
  await page.goto(`${server.at}/alerts`);
  const row = rowOf(page, 'web-3');
  await row.getByRole('button', { name: 'Ack', exact: true }).click();
  const dialog = page.getByRole('dialog');
  // Nobody is no answer; Esc leaves it.
  await dialog.getByRole('button', { name: 'Acknowledge' }).click();
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await row.getByRole('button', { name: 'Ack', exact: true }).click();
  await dialog.getByLabel('Who').fill('anna');
  await dialog.getByLabel('Note').fill('<b>new disk</b>');
  await page.keyboard.press('Enter');
  await row.getByText('acked by anna').waitFor();
  await row.getByText('<b>new disk</b>').waitFor();
  const [alarm] = (await server.json('/api/v1/alerts?firing=true')).alarms;
  assert.deepEqual([alarm.acked_by, alarm.ack_note], ['anna', '<b>new disk</b>']);
  await row.getByRole('button', { name: 'Unack' }).click();
  await row.getByText('acked by anna').waitFor({ state: 'detached' });

  await row.getByRole('button', { name: 'Silence' }).click();
  assert.equal(await dialog.getByLabel('Who').inputValue(), 'anna');
  await dialog.getByLabel('How long').selectOption('for 4 hours');
  // A reason is needed.
  await dialog.getByRole('button', { name: 'Silence' }).click();
  assert.deepEqual((await server.json('/api/v1/silences')).silences, []);
  await dialog.getByLabel('Why').fill('a new rack');
  await dialog.getByRole('button', { name: 'Silence' }).click();
  await row.getByText(/silenced until .* by anna: a new rack/).waitFor();
  const [one] = (await server.json('/api/v1/silences')).silences;
  assert.deepEqual(
    [one.rules, one.hosts, one.who, one.why],
    [['host-down'], ['web-3'], 'anna', 'a new rack'],
  );
  const left = one.until_ms - Date.now();
  assert.ok(left > 3.9 * 36e5 && left <= 4 * 36e5, `${left} ms`);
  const held = page.getByRole('region', { name: 'Silences' }).locator('tbody tr');
  await held.getByText('rule host-down · host web-3').waitFor();
  const wide = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  assert.deepEqual(wide, [SMALL.viewport.width, SMALL.viewport.width], 'nothing is wider than the screen');
  await held.getByRole('button', { name: /^End/ }).click();
  await held.waitFor({ state: 'detached' });
  assert.deepEqual((await server.json('/api/v1/silences')).silences, []);
  await fleet.set('web-3', 'healthy');
  await row.waitFor({ state: 'detached' });
  assert.deepEqual(wrong, []);
  await close();
});

test('the server’s page says how its channels do', async () => {
  const { page, wrong, close } = await tab(browser);
  await fleet.set('web-3', 'refuse');
  await until('the channel took a message', async () => {
    const { channels } = await server.json('/api/v1/server');
    return channels[0]?.sent > 0;
  });
  await page.goto(`${server.at}/server`);
  const row = page.getByRole('region', { name: 'Channels' }).locator('tbody tr');
  await row.filter({ hasText: /^\s*ops\s*ok/ }).waitFor();
  await fleet.set('web-3', 'healthy');
  assert.deepEqual(wrong, []);
  await close();
});
