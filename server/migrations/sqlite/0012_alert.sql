-- The alarms that are not ok: one row each, as it was after the poll that was judged last.
CREATE TABLE alert (
  rule         TEXT    NOT NULL,                   -- the rule's name in alerts.toml
  host_id      INTEGER NOT NULL,                   -- 0: the server itself
  row_key      TEXT    NOT NULL,                   -- labels of the row, joined by '/'; '' for the whole host
  state        TEXT    NOT NULL,                   -- pending, firing, clearing, unknown
  severity     TEXT    NOT NULL,                   -- info, warning, critical
  since_ms     INTEGER NOT NULL,                   -- the slot of the poll with which this state began
  fired_ms     INTEGER,                            -- and with which it began to fire
  slot_ms      INTEGER NOT NULL,                   -- the slot of the poll that was judged last
  polls        INTEGER NOT NULL,                   -- polls in a row that speak for leaving this state
  known_ms     INTEGER NOT NULL,                   -- the slot of the last poll whose values were known
  value        REAL,                               -- in the unit of its column; NULL: unknown
  rule_hash    INTEGER NOT NULL,                   -- of what the rule says
  PRIMARY KEY (rule, host_id, row_key)
) STRICT, WITHOUT ROWID;

-- One row per change of an alarm.
CREATE TABLE alert_event (
  id           INTEGER PRIMARY KEY,
  host_id      INTEGER NOT NULL,                   -- 0: the server itself
  slot_ms      INTEGER NOT NULL,                   -- of the poll that caused it, or its moment where none did
  rule         TEXT    NOT NULL,
  row_key      TEXT    NOT NULL,
  from_state   TEXT    NOT NULL,
  to_state     TEXT    NOT NULL,                   -- with host, slot, rule and row its key
  at_ms        INTEGER NOT NULL,                   -- when it was judged
  cause        TEXT    NOT NULL,
  severity     TEXT    NOT NULL,
  value        REAL,                               -- that caused it; NULL: unknown
  summary      TEXT    NOT NULL,
  UNIQUE (host_id, slot_ms, rule, row_key, to_state) -- sent twice, kept once
) STRICT;

CREATE INDEX alert_event_slot ON alert_event (slot_ms);
