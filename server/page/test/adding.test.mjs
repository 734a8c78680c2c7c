// A host is added: the commands that the page offers are those of the programs, and lead to a host that answers.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ALLOW, CHECK, DEMO, isMutual, linesOf, partsOf, WAYS } from '../recipe.js';
import { BIN, endAll, ENV, folder, freePort, start, startBrowser, startServer, tab } from './harness.mjs';
import { grave, outside, WIDTHS } from './sight.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEFAULTS = '[defaults]\ninterval = "1s"\ntimeout = "900ms"\n';
const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
/** What a program of this source says of a command of its own. */
function helpOf(program, ...command) {
  const said = spawnSync(`${BIN}/${program}`, [...command, '--help'], { encoding: 'utf8', env: ENV });
  assert.equal(said.status, 0, said.stderr);
  return said.stdout;
}
const flagsIn = (words) => words.match(/--[a-z][a-z-]*/g) ?? [];
const HOST_UP = '.hosts .dot.up';
const SAID = [
  { name: 'web-1', address: '', group: '' },
  { name: 'web-1', address: '10.4.1.11:6000', group: 'web' },
  { name: 'here', address: '127.0.0.1', group: '' },
  { name: 'here', address: 'localhost:6000', group: '' },
  { name: 'six', address: '[2001:db8::1]:6000', group: '' },
];

let browser;
before(async () => {
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  endAll();
});

test('each flag and variable of the commands is one of the programs', () => {
  const help = helpOf('roundsman-probe', 'serve');
  for (const said of SAID)
    for (const isSafe of [false, true]) {
      for (const flag of flagsIn(WAYS.binary(said, isSafe)))
        assert.match(help, new RegExp(`\\s${flag}\\s`), `${flag} of the probe`);
      for (const variable of WAYS.container(said, isSafe).match(/ROUNDSMAN_\w+/g))
        assert.match(help, new RegExp(`env:\\s+${variable}\\]`), `${variable} of the probe`);
    }
  assert.ok(flagsIn(WAYS.binary(SAID[1], true)).length === 5, 'certificates and a port of its own');
  assert.match(help, new RegExp(`\\s${ALLOW} <`));
  for (const words of [CHECK, DEMO]) {
    const [program, command] = words.split(' ');
    for (const flag of flagsIn(words))
      assert.match(helpOf(program, command), new RegExp(`\\s${flag}\\s`), words);
  }
  assert.match(helpOf('roundsman', 'ca', 'issue'), /HOST/i);
});

test('containers are given what docker/ gives them', () => {
  const [one, stack] = [read('docker/probe_run.sh'), read('docker/stack.yml')];
  const own = WAYS.container(SAID[0], false).replaceAll(/\\\n\s+/g, '');
  for (const part of own
    .split(' ')
    .filter((word) => !/^(docker|run|--detach|--name|--publish|50051:50051)$/.test(word)))
    assert.ok(
      one.includes(part) || one.includes(part.replace(':latest', '')),
      `${part} is not in probe_run.sh`,
    );
  const service = WAYS.swarm();
  for (const part of ['{{.Node.Hostname}}', 'dnsrr', 'global', 'start-first', '16M', 'roundsman-probe'])
    assert.ok(stack.includes(part) && service.includes(part), part);
  for (const [, source, target] of service.matchAll(/source=([^,]+),target=([^,]+),/g))
    assert.match(stack, new RegExp(`source: ${source}\\n\\s+target: ${target}\\n\\s+read_only: true`));
  assert.ok(read('docker/inventory.toml').includes(linesOf(SAID[0], 'swarm', false).split('\n').at(-1)));
});

test('the lines are an inventory, whatever the name', () => {
  const dir = folder();
  const file = path.join(dir, 'inventory.toml');
  for (const said of SAID) {
    writeFileSync(file, `${DEFAULTS}\n${linesOf(said, 'binary', false)}\n${linesOf(said, 'swarm', false)}\n`);
    const checked = spawnSync(`${BIN}/roundsman`, ['check', '--inventory', file], {
      encoding: 'utf8',
      cwd: dir,
      env: ENV,
    });
    assert.equal(checked.status, 0, checked.stderr + checked.stdout);
  }
  assert.deepEqual(partsOf('[::1]:6000', ''), { host: '[::1]', port: 6000 });
  assert.deepEqual(partsOf('', 'web-1'), { host: 'web-1', port: 50051 });
  assert.equal(isMutual('[defaults]\ntls = "mtls"\n[[host]]\nname = "a"'), true);
  assert.equal(isMutual('[defaults]\ninterval = "1s"\n[[group]]\nname = "g"\ntls = "mtls"'), false);
  assert.equal(isMutual('[defaults]\n# tls = "mtls"\n'), false);
  assert.equal(isMutual(null), false);
});

/** What the page shows as a command, as a shell runs it; the programs are those of this source. */
async function begin(page, label, cwd, says) {
  const words = await page.getByRole('region', { name: label }).textContent();
  const own = words.replace(/^cd .*\n/, '');
  return start('sh', ['-c', `cd ${cwd} && PATH=${BIN}:$PATH exec ${own}`], says, { from: 'stderr' });
}

test('the first host comes by the commands and the lines of the page, and the page is the fleet', async () => {
  const server = await startServer(DEFAULTS);
  const { page, wrong, close } = await tab(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(server.at);
  await page.getByRole('heading', { name: 'Add your first host' }).waitFor();
  const port = await freePort();
  await page.getByLabel('Name').fill('first');
  await page.getByLabel('Address').fill(`127.0.0.1:${port}`);
  const now = page.locator('.checks .now');
  await now.getByText('In the inventory').waitFor();
  await page.getByRole('button', { name: 'Copy the lines' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  appendFileSync(server.files.inventory, await page.evaluate(() => navigator.clipboard.readText()));
  // It is polled, and the page says why nothing comes.
  await now.getByText('First good answer').waitFor();
  await now.getByText(`Refused: nothing listens on 127.0.0.1:${port}`).waitFor();
  assert.equal(await page.locator('.checks .done').count(), 2);
  const probe = await begin(page, 'Start the probe', '/', /listens on/);
  await page.locator(HOST_UP).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Add your first host' }).count(), 0);
  // A mistake in the file is told where one waits for the host.
  await page.getByRole('button', { name: 'Add host…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add host' });
  await dialog.getByLabel('Name').fill('second');
  appendFileSync(server.files.inventory, 'wrong = \n');
  await dialog.locator('.now', { hasText: 'is not in force' }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
  await probe.stop();
  await server.stop();
});

test('with certificates the commands make them, and the host answers over TLS', async () => {
  const dir = folder();
  const roundsman = (...args) => {
    const said = spawnSync(`${BIN}/roundsman`, args, { encoding: 'utf8', cwd: dir, env: ENV });
    assert.equal(said.status, 0, said.stderr);
  };
  writeFileSync(path.join(dir, 'inventory.toml'), DEFAULTS);
  roundsman('ca', 'init');
  const tls = ['tls = "mtls"', 'ca = "ca/ca.pem"', 'crl = "ca/crl.pem"', 'cert = "ca/server/server.pem"'];
  const own = `${DEFAULTS}${[...tls, 'key = "ca/server/server.key"'].join('\n')}\n`;
  const server = await startServer(own, '', dir);
  const { page, close } = await tab(browser);
  await page.goto(server.at);
  const port = await freePort();
  await page.getByLabel('Name').fill('secret');
  await page.getByLabel('Address').fill(`127.0.0.1:${port}`);
  const lines = await page.getByRole('region', { name: 'The lines' }).textContent();
  appendFileSync(server.files.inventory, `${lines}\n`);
  const papers = await page.getByRole('region', { name: 'Its certificate' }).textContent();
  const [issue, copied] = papers.split('\n');
  roundsman(...issue.split(' ').slice(1));
  const from = path.join(dir, copied.split(' ')[2].replace('/*', ''));
  assert.ok(existsSync(path.join(from, 'probe.key')), copied);
  const probe = await begin(page, 'Start the probe', from, /listens on/);
  await page.locator(HOST_UP).waitFor();
  await probe.stop();
  await server.stop();
  await close();
});

test('no word is outside of its box, and nothing shuts readers out', async () => {
  const server = await startServer(DEFAULTS);
  for (const locale of ['en-US', 'zh-CN'])
    for (const width of WIDTHS) {
      const { page, close } = await tab(browser, { locale, viewport: { width, height: 900 } });
      await page.goto(server.at);
      await page.locator('.checks .now').waitFor();
      for (const way of ['binary', 'container', 'swarm']) {
        await page.locator(`[data-way=${way}]`).click();
        assert.deepEqual(await page.evaluate(outside), [], `${locale}, ${width} px, ${way}`);
      }
      assert.deepEqual(await grave(page), [], `${locale}, ${width} px`);
      await close();
    }
  await server.stop();
});
