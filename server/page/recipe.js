// How a host comes into the fleet: the commands that start its probe, and the lines of the inventory. Pure. Each flag
// is one of `roundsman-probe serve --help`, and what containers are given is what docker/ has.

/** Where probes listen when nobody says. */
const PORT = 50051;
/** Where a host has its certificate, below its root, as docs/security.md puts it. */
const FILES = 'etc/roundsman-probe';

/** A word for a shell: as it is, or in quotes. */
const shell = (word) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
/** A text in TOML, whose basic strings are written as those of JSON. */
const toml = (text) => JSON.stringify(text);
const lines = (words) => words.join(' \\\n  ');

/** The host and the port of an address; those of the name where there is none. */
export function partsOf(address, name) {
  const [, inner, , port] = /^(\[[^\]]*\]|[^:]*)(:(\d+))?$/.exec(address || name) ?? [];
  return { host: inner ?? (address || name), port: Number(port ?? PORT) };
}

const isLoopback = (host) => /^(localhost|127\..*|\[::1\]|::1)$/.test(host);

/** Whether the inventory's defaults ask for certificates on both sides; `text` is the file, or its beginning. */
export function isMutual(text) {
  const [, defaults = ''] = /^\[defaults\]([^]*?)(?=^\[|(?![^]))/m.exec(text ?? '') ?? [];
  return /^\s*tls\s*=\s*["']mtls["']/m.test(defaults);
}

/** The probe as a program of the host. */
function binary({ name, address }, mutual) {
  const { host, port } = partsOf(address, name);
  const all = host.startsWith('[') ? '[::]' : '0.0.0.0';
  if (mutual) {
    const files = '--tls-cert probe.pem --tls-key probe.key --client-ca ca.pem --client-crl crl.pem';
    const listen = port === PORT ? [] : [`--listen ${all}:${port}`];
    return `cd /${FILES}\n${lines(['roundsman-probe serve', files, ...listen])}`;
  }
  // Without certificates it answers its own host alone, unless it is told to be open.
  if (isLoopback(host))
    return port === PORT
      ? 'roundsman-probe serve'
      : `roundsman-probe serve --listen ${host.replace('localhost', '127.0.0.1')}:${port}`;
  return port === PORT && all === '0.0.0.0'
    ? 'roundsman-probe serve --open'
    : `roundsman-probe serve --open --listen ${all}:${port}`;
}

const VARIABLES = {
  TLS_CERT: 'probe.pem',
  TLS_KEY: 'probe.key',
  CLIENT_CA: 'ca.pem',
  CLIENT_CRL: 'crl.pem',
};

/** The probe in a container of its own, as docker/probe_run.sh runs it. */
function container({ name, address }, mutual) {
  const { port } = partsOf(address, name);
  const files = mutual
    ? [
        `--volume /${FILES}:/${FILES}:ro`,
        ...Object.entries(VARIABLES).map(
          ([variable, file]) => `--env ROUNDSMAN_PROBE_${variable}=/${FILES}/${file}`,
        ),
      ]
    : ['--env ROUNDSMAN_PROBE_OPEN=true'];
  // It runs as this user of its image.
  const first = mutual ? `chown 65532 /${FILES}/probe.key\n` : '';
  return lines([
    `${first}docker run --detach --name roundsman-probe --publish ${port}:${PORT}`,
    '--volume /proc:/host/proc:ro --volume /:/host:ro',
    ...files,
    '--read-only --cap-drop ALL --security-opt no-new-privileges --memory 16m',
    '--restart unless-stopped roundsman-probe:latest',
  ]);
}

/** A probe on every node of a swarm, as docker/stack.yml has it. */
const swarm = () =>
  lines([
    'docker service create --name probe --mode global --endpoint-mode dnsrr --network roundsman',
    "--hostname '{{.Node.Hostname}}'",
    '--mount type=bind,source=/proc,target=/host/proc,readonly',
    '--mount type=bind,source=/,target=/host,readonly',
    '--env ROUNDSMAN_PROBE_OPEN=true --read-only --cap-drop ALL --limit-memory 16M',
    '--update-order start-first roundsman-probe:latest',
  ]);

export const WAYS = { binary, container, swarm };

/** The commands on the server's machine that give a host its certificate; it is in the inventory by then. */
export function certificate({ name, address }) {
  const { host } = partsOf(address, name);
  return `roundsman ca issue ${shell(name)}\nscp -p ca/hosts/${shell(name)}/* ${shell(host)}:/${FILES}/`;
}

/** The lines of the inventory for a host, or for the nodes of a swarm, whose network needs no certificates. */
export function linesOf({ name, address, group }, way, mutual) {
  if (way === 'swarm')
    return [
      '[[group]]',
      'name = "swarm"',
      `discover = { dns = "tasks.probe", refresh = "1s", port = ${PORT} }`,
      ...(mutual ? ['tls = "off"'] : []),
    ].join('\n');
  return [
    '[[host]]',
    `name = ${toml(name)}`,
    ...(group ? [`group = ${toml(group)}`] : []),
    ...(address && address !== name ? [`addresses = [${toml(address)}]`] : []),
  ].join('\n');
}

/** What else is told as a command. */
export const CHECK = 'roundsman check --live';
export const DEMO = 'roundsman demo --fleet 40';
export const ALLOW = '--allow';
