// Asks the server. What went wrong comes back as an error in the server's own words.

import { t } from './i18n.js';
import { at } from './place.js';

export class Refused extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

export async function get(path, params = {}, options = {}) {
  const query = new URLSearchParams(
    Object.entries(params).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  );
  const text = query.toString();
  const answer = await fetch(at(text ? `${path}?${text}` : path), {
    headers: { accept: 'application/json' },
    ...options,
  });
  if (answer.status === 401) dispatchEvent(new Event('roundsman:nobody'));
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok)
    throw new Refused(
      answer.status,
      body.detail ?? t('the server answered {status}', { status: answer.status }),
    );
  return body;
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
