// Where the page is: a proxy may have all of it below a path.

/** The root of the server as a path, with a slash at both ends. */
const ROOT = new URL('..', import.meta.url).pathname;

/** The address of what is at `path`, which begins without a slash, of the server. */
export const at = (path) => ROOT + path;

/** The other way: what of the server an address's path names. */
export const named = (path) => (path.startsWith(ROOT) ? path.slice(ROOT.length) : path);

/** The address of a host's page. */
export const hostAt = (name) => at(`hosts/${encodeURIComponent(name)}`);
