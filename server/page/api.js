// Asks the server. What went wrong comes back as an error in the server's own words.

import { t } from './i18n.js';
import { at } from './place.js';

export class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

function addressOf(path, params) {
  const query = new URLSearchParams(
    Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
  const text = query.toString();
  return at(text ? `${path}?${text}` : path);
}

async function ask(address, options) {
  const answer = await fetch(address, { headers: { accept: 'application/json' }, ...options });
  if (answer.status === 401) dispatchEvent(new Event('roundsman:nobody'));
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok)
    throw new Refused(
      answer.status,
      body.detail ?? t('the server answered {status}', { status: answer.status }),
    );
  return body;
}

/** What was asked for before those who need it were there, by address. */
const early = new Map();

/** Asks for what is going to be got: the first who does is given this answer. */
export function begin(path, params = {}) {
  const address = addressOf(path, params);
  const answer = ask(address);
  // Whoever gets it hears what went wrong.
  answer.catch(() => {});
  early.set(address, answer);
  return answer;
}

/** From now on everybody asks anew. */
export const forget = () => early.clear();

export function get(path, params = {}, options = undefined) {
  const address = addressOf(path, params);
  const begun = options ? undefined : early.get(address);
  early.delete(address);
  return begun ?? ask(address, options);
}

const send = (method, path, body) =>
  get(
    path,
    {},
    body === undefined
      ? { method }
      : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
  );
export const post = (path, body) => send('POST', path, body);
export const put = (path, body) => send('PUT', path, body);

/** A host's path in the API. */
export const hostPath = (name) => `api/v1/hosts/${encodeURIComponent(name)}`;
