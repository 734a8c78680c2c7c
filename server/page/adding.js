// How a host is added: its name, the command that starts its probe, the lines of the inventory, and how far it has
// come. The fleet's page is this while it is empty; elsewhere it is a dialog.

import { get } from './api.js';
import { copy } from './charttools.js';
import { field } from './deeds.js';
import { fill, h, icon, link, renew } from './dom.js';
import { micros, shortMoment } from './format.js';
import { t, tp } from './i18n.js';
import { hostAt } from './place.js';
import { ALLOW, certificate, CHECK, DEMO, isMutual, linesOf, WAYS } from './recipe.js';
import { faultOf } from './words.js';

/** What a reader is told was copied for so long, ms. */
const COPIED = 2000;
/** What stands for a name that nobody has typed yet. */
const EXAMPLE = 'web-1';
const LABELS = { binary: t('Binary'), container: t('Container'), swarm: t('Swarm') };
const ABOUT = {
  binary: t('Reads /proc when asked, keeps nothing, needs no root.'),
  container: t('docker/build.sh makes the image. It sees the host read-only, and needs no root.'),
  swarm: t('A probe on every node, also on those that join later. The server is on the same network.'),
};

/** A button that copies what `words` gives. */
function copier(words, name, look = 'btn sm') {
  const said = h('span', {}, name);
  const tell = (text) => {
    said.textContent = text;
    setTimeout(() => {
      said.textContent = name;
    }, COPIED);
  };
  const take = () =>
    copy(words()).then(
      () => tell(t('Copied')),
      (error) => tell(error.message),
    );
  return h('button', { type: 'button', class: look, onclick: take }, icon('copy', 's'), said);
}

/** A command, and the button that copies it. */
function codeBox(label) {
  const text = h('pre', { tabIndex: 0, role: 'region', 'aria-label': label });
  const element = h(
    'div',
    { class: 'code' },
    text,
    copier(() => text.textContent, t('Copy')),
  );
  return {
    element,
    show(words) {
      if (text.textContent !== words) text.textContent = words;
    },
  };
}

/** A step: its number, or a tick once it is done. */
function step(number, title, ...inside) {
  const mark = h('span', { class: 'no' }, number);
  const element = h('li', {}, mark, h('div', {}, title, inside));
  return {
    element,
    show(isDone) {
      element.classList.toggle('done', isDone);
      renew(mark, isDone ? icon('check') : number);
    },
  };
}

/** The buttons of the ways in which a probe can run. */
function waySeg(choose) {
  const button = ([way, words]) =>
    h('button', { type: 'button', 'data-way': way, onclick: () => choose(way) }, words);
  const buttons = Object.entries(LABELS).map(button);
  const props = { class: 'seg sm', role: 'group', 'aria-label': t('How the probe runs') };
  return {
    element: h('div', props, buttons),
    show: (now) =>
      buttons.forEach((one) => one.setAttribute('aria-pressed', String(one.dataset.way === now))),
  };
}

/** The host that is meant; of a swarm the one that came last since this was opened. */
function meant(live, { name }, way, before) {
  if (way !== 'swarm') return live.hosts.get(name);
  return [...live.hosts.values()].filter((host) => !before.has(host.name)).at(-1);
}

/** How far a host has come: what is to be, whether it is, and what is to be said of it. */
function checksOf(host, way, { error, file }) {
  const known = error
    ? t('{file} is not in force: {error}', { file, error })
    : way === 'swarm'
      ? t('Save the lines in {file}; the nodes come by themselves', { file })
      : t('Save the lines in {file}; it is read again as soon as it changes', { file });
  const isGood = Boolean(host?.good_slot_ms) && host.state !== 'down' && host.state !== 'suspect';
  const asked = host?.slot_ms ? t('asked at {time}', { time: shortMoment(host.slot_ms) }) : '';
  const cause = host?.slot_ms && !isGood ? faultOf(host) : '';
  const long = host?.call_us ? t('Latency {length}', { length: micros(host.call_us) }) : '';
  return [
    [
      t('In the inventory'),
      Boolean(host),
      host ? [host.name, host.group].filter(Boolean).join(' · ') : known,
    ],
    [t('Asked for the first time'), Boolean(host?.slot_ms), asked],
    [t('First good answer'), isGood, isGood ? long : cause],
  ];
}

function checkRow([title, isDone, words], isNow) {
  const mark = isDone ? 'check' : isNow ? 'poll' : 'pending';
  return h(
    'li',
    { class: isDone ? 'done' : isNow ? 'now' : '' },
    icon(mark),
    h('span', {}, title),
    h('span', { class: 'm' }, words),
  );
}

/** What is typed, and what else is shown of it. */
function form(changed) {
  const props = { oninput: changed, spellcheck: false, autocapitalize: 'off' };
  const name = field(t('Name'), { ...props, placeholder: EXAMPLE, autofocus: true });
  const address = field(t('Address'), { ...props, placeholder: t('its name') });
  const group = field(t('Group'), { ...props, placeholder: t('Not needed') });
  return {
    element: h('div', { class: 'form' }, name.element, address.element, group.element),
    said: () => ({
      name: name.input.value.trim(),
      address: address.input.value.trim(),
      group: group.input.value.trim(),
    }),
  };
}

/** What helps with more than one host. */
const more = () =>
  h(
    'section',
    { class: 'card' },
    h('header', {}, h('h2', {}, t('More than one'))),
    h(
      'ul',
      { class: 'list ways' },
      h('li', {}, h('b', {}, t('Check first')), h('code', {}, CHECK)),
      h('li', {}, h('b', {}, t('Try with simulated hosts')), h('code', {}, DEMO)),
    ),
  );

/** The lines for the inventory, and how they get there. */
function linesCard() {
  const text = h('pre', { class: 'code', tabIndex: 0, role: 'region', 'aria-label': t('The lines') });
  const file = h('h2', {});
  const take = copier(() => `${text.textContent}\n`, t('Copy the lines'), 'btn first');
  const truth = h(
    'p',
    { class: 't1 m' },
    t('The file is the truth: edit it by hand or with your own tools.'),
  );
  return {
    element: h(
      'section',
      { class: 'card' },
      h('header', {}, file),
      h('div', { class: 'pad' }, text, take, truth),
    ),
    show(name, words) {
      file.textContent = name;
      text.textContent = words;
    },
  };
}

/** The commands that start the probe, by the way in which it runs. */
function startStep(choose) {
  const title = h('h2', {});
  const ways = waySeg(choose);
  const about = h('p', { class: 'm' });
  const command = codeBox(t('Start the probe'));
  const papers = codeBox(t('Its certificate'));
  const secret = h('div', {}, h('p', { class: 'm' }, t('On the machine of the server:')), papers.element);
  const open = h(
    'p',
    { class: 'm t1' },
    tp(
      'It answers in plain text whoever reaches its port: {allow} names networks, certificates are better.',
      {
        allow: h('code', {}, ALLOW),
      },
    ),
  );
  const head = h('div', { class: 'row' }, title, h('span', { class: 'sp' }), ways.element);
  const one = step(2, head, about, secret, command.element, open);
  return {
    element: one.element,
    show(said, way, mutual, isDone) {
      const isSwarm = way === 'swarm';
      title.textContent = isSwarm
        ? t('Start the probes')
        : t('Start the probe on {host}', { host: said.name });
      about.textContent = ABOUT[way];
      ways.show(way);
      command.show(WAYS[way](said, mutual));
      papers.show(certificate(said));
      secret.hidden = !mutual || isSwarm;
      open.hidden = isSwarm || !WAYS.binary(said, mutual).includes('--open');
      one.show(isDone);
    },
  };
}

/** The steps; `done(host)` is called when the host that is meant has answered. */
export function adding(live, done = () => {}) {
  const before = new Set(live.hosts.keys());
  const known = { way: 'binary', mutual: false, file: 'inventory.toml', isDone: false };
  const typed = form(() => show());
  const naming = step(1, h('h2', {}, t('Name it')), typed.element);
  const starting = startStep((way) => {
    known.way = way;
    show();
  });
  const checks = h('ul', { class: 'checks', 'aria-live': 'polite' });
  const waiting = step(3, h('h2', {}, t('Wait for the first answer')), checks);
  const lines = linesCard();
  const list = h('ol', { class: 'steps' }, naming.element, starting.element, waiting.element);
  const element = h(
    'div',
    { class: 'two adding' },
    h('section', { class: 'card' }, list),
    h('div', { class: 'stack' }, lines.element, more()),
  );
  function show() {
    const said = typed.said();
    const { way, mutual, file } = known;
    const shown = { ...said, name: said.name || EXAMPLE };
    lines.show(file, linesOf(shown, way, mutual));
    const host = meant(live, said, way, before);
    const all = checksOf(host, way, { error: live.server.inventory_error, file });
    const now = all.findIndex(([, isDone]) => !isDone);
    const rows = all.map((one, position) => checkRow(one, position === now));
    renew(checks, rows);
    naming.show(Boolean(said.name) || way === 'swarm');
    starting.show(shown, way, mutual, Boolean(host?.good_slot_ms));
    waiting.show(now < 0);
    if (now < 0 && !known.isDone) done(host);
    known.isDone = now < 0;
  }
  get('api/v1/inventory').then(
    ({ source, text }) => {
      known.mutual = isMutual(text);
      known.file = source?.split('/').at(-1) ?? known.file;
      show();
    },
    // Without it the lines are for a file of the usual name, and without certificates.
    () => {},
  );
  live.addEventListener('change', show);
  show();
  return { element, leave: () => live.removeEventListener('change', show) };
}

/** What stands in place of the fleet while it has no host, and until the first one has answered. */
export function firstRun(live, changed) {
  let steps = null;
  const words = h(
    'span',
    { class: 'm' },
    t('The server runs and has no hosts. Three steps, about a minute.'),
  );
  const title = h('div', { class: 'title' }, h('h1', {}, t('Add your first host')), words);
  const leave = () => {
    steps?.leave();
    steps = null;
  };
  return {
    leave,
    /** What is shown; nothing of a fleet that has begun. */
    elements() {
      if (live.at && !live.hosts.size) steps ??= adding(live, changed);
      if ([...live.hosts.values()].some((host) => host.good_slot_ms)) leave();
      return steps && [title, steps.element];
    },
  };
}

/** The button that opens the dialog. */
export const addButton = (live) =>
  h(
    'button',
    { type: 'button', class: 'btn first', onclick: () => addHost(live) },
    icon('plus', 's'),
    t('Add host…'),
  );

/** The same as a dialog. */
export function addHost(live) {
  if (document.querySelector('dialog[open]')) return;
  const told = h('p', { class: 'm', role: 'status' });
  const one = adding(live, (host) => {
    fill(told, tp('{host} answers.', { host: link(hostAt(host.name), host.name) }));
  });
  const close = h('button', { type: 'button', class: 'btn', onclick: () => dialog.close() }, t('Close'));
  const closed = () => {
    one.leave();
    dialog.remove();
  };
  const head = h(
    'div',
    { class: 'row' },
    h('h2', {}, t('Add host')),
    h('span', { class: 'sp' }),
    told,
    close,
  );
  const dialog = h(
    'dialog',
    { class: 'large', 'aria-label': t('Add host'), onclose: closed },
    head,
    one.element,
  );
  // Where it leads to is below it.
  dialog.addEventListener('click', (event) => event.target.closest?.('a[data-link]') && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
