-- The tables of the embedded store.
--
-- The tables `poll` and `rollup_hour`, and the views, follow from the list of columns: see
-- server/src/store/sqlite/ddl.rs.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z (`*_ms`); steps of a poll are microseconds
-- (`*_us`). NULL is unknown, never 0. Every value column carries its unit at its end.

-- One row per host that ever was in the inventory.
CREATE TABLE host (
  id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given to another host
  name          TEXT    NOT NULL UNIQUE,
  group_name    TEXT,                              -- NULL: in no group
  labels        TEXT    NOT NULL,                  -- JSON object
  addresses     TEXT    NOT NULL,                  -- JSON array of "host:port"
  listed_at_ms  INTEGER NOT NULL,                  -- when it (last) came into the inventory
  retired_at_ms INTEGER,                           -- when it left; NULL: it is in
  state         TEXT,                              -- after the last transition
  state_since_ms INTEGER,
  first_seen_ms INTEGER,                           -- first and last answer
  last_seen_ms  INTEGER,
  facts_at_ms   INTEGER,                           -- when the facts below were true
  machine_id    TEXT,                              -- the machine this host is pinned to
  boot_id       TEXT,
  hostname      TEXT,
  kernel        TEXT,
  os            TEXT,
  architecture  TEXT,
  probe_version TEXT,
  cpus          INTEGER
) STRICT;

-- What was loaded when.
CREATE TABLE inventory_version (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  loaded_at_ms INTEGER NOT NULL,
  hash         TEXT    NOT NULL,                   -- of the content
  source       TEXT    NOT NULL,                   -- the file
  hosts        INTEGER NOT NULL,                   -- hosts after expansion
  content      TEXT    NOT NULL
) STRICT;

-- One row per change of a host's state.
CREATE TABLE event (
  id         INTEGER PRIMARY KEY,
  host_id    INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  from_state TEXT    NOT NULL,
  to_state   TEXT    NOT NULL,
  host_name  TEXT    NOT NULL,                     -- its name when it happened
  cause      TEXT    NOT NULL,
  outcome    TEXT,                                 -- of the poll that caused it
  reason     TEXT    NOT NULL,
  UNIQUE (host_id, at_ms, from_state, to_state)    -- sent twice, kept once
) STRICT;

CREATE INDEX event_at ON event (at_ms);
