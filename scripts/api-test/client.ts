// Asks a running server all that matters through the package of packaging/clients.sh: client.js ADDRESS,
// with the token in TOKEN. That it compiles is half the test.

import assert from "node:assert/strict";
import { roundsman, type Schemas } from "roundsman-client";

type State = Schemas["State"];

const client = roundsman({ url: process.argv[2]!, token: process.env["TOKEN"] });

/** What was answered, when it is no problem. */
function told<T>(answer: { data?: T; error?: unknown }): T {
  assert(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

/** What is asked, once it is so: the store is up to a second behind. */
async function until<T>(what: string, ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    assert(Date.now() < end, `${what}: ${JSON.stringify(answer)}`);
  }
}

assert(told(await client.GET("/readyz")).ready);
const listed = told(await client.GET("/api/v1/hosts", { params: { query: { limit: 5 } } }));
const name: string = listed.hosts[0]!.name;
const path = { name };

// Polls, and the pages of them: what is next is the query as it is.
for (let count = 0; count < 3; count += 1) {
  const polled = told(await client.POST("/api/v1/hosts/{name}/poll", { params: { path }, body: {} }));
  assert(["ok", "partial"].includes(polled.outcome), polled.outcome);
}
const first = await until(
  "pages",
  async () => told(await client.GET("/api/v1/hosts/{name}/polls", { params: { path, query: { limit: 1 } } })),
  (page) => page.next !== null,
);
const second = told(
  await client.GET("/api/v1/hosts/{name}/polls", { params: { path }, querySerializer: () => first.next! }),
);
assert(second.polls[0]!.slot_ms < first.polls[0]!.slot_ms);

// Values, and what they mean.
const drawn = await until(
  "values",
  async () =>
    told(
      await client.GET("/api/v1/hosts/{name}/series", {
        params: { path, query: { columns: ["mem_used_pct", "load_1"], from: "-10m" } },
      }),
    ),
  (series) => series.columns[0]!.avg.some((value: number | null) => value !== null),
);
assert.deepEqual(drawn.columns.map((column) => column.name), ["mem_used_pct", "load_1"]);
assert(told(await client.GET("/api/v1/columns")).values.some((column) => column.name === "load_1"));

// The fleet at a glance: a cell has its type.
const glance = told(await client.GET("/api/v1/fleet"));
// openapi-fetch makes an array of a tuple on the way.
const row = glance.hosts[0] as Schemas["FleetRow"];
const state: State = row[3];
const callUs: number | null = row[7];
assert.deepEqual([row[0], state, glance.columns[3]], [name, "up", "state"]);
assert(callUs !== null && callUs > 0);

// What is done to a host, and what is told of it.
const paused = await client.POST("/api/v1/hosts/{name}/pause", { params: { path }, body: { reason: "a client" } });
assert.equal(told(paused).state satisfies State, "paused");
const resumed = await client.POST("/api/v1/hosts/{name}/resume", { params: { path }, body: {} });
assert.notEqual(told(resumed).state, "paused");
const both = await client.POST("/api/v1/hosts/{name}/pause", { params: { path }, body: { for: "1h", until: "now" } });
assert.equal(both.error?.status, 400);
await until(
  "events",
  async () => told(await client.GET("/api/v1/events", { params: { query: { to_state: "paused" } } })),
  (page) => page.events.some((event) => event.host === name),
);
const events = told(await client.GET("/api/v1/hosts/{name}/events", { params: { path } })).events;
assert(events.some((event) => event.to === "paused"));
assert(told(await client.GET("/api/v1/hosts/{name}/why", { params: { path } })).sentence !== "");

// The server itself, and what is no JSON.
assert.equal(told(await client.POST("/api/v1/inventory/reload", { body: {} })).hosts, 1);
assert(told(await client.GET("/api/v1/server")).store !== null);
const metrics = await client.GET("/metrics", { parseAs: "text" });
assert(String(metrics.data).endsWith("# EOF\n"));

// What is wrong is told.
const nobody = await client.GET("/api/v1/hosts/{name}", { params: { path: { name: "nobody" } } });
assert.equal(nobody.response.status, 404);
assert.match(nobody.error?.detail ?? "", /nobody/);
console.log("A client in TypeScript reads all that it asked for.");
