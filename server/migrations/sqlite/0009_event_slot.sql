-- A change of state is known by the slot of the poll that caused it, so that it is one row however
-- often it is sent and by however many servers.
CREATE TABLE event_new (
  id         INTEGER PRIMARY KEY,
  host_id    INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  from_state TEXT    NOT NULL,
  to_state   TEXT    NOT NULL,
  host_name  TEXT    NOT NULL,                     -- its name when it happened
  cause      TEXT    NOT NULL,
  outcome    TEXT,                                 -- of the poll that caused it
  reason     TEXT    NOT NULL,
  slot_ms    INTEGER                               -- of that poll; NULL: no poll caused it
) STRICT;

INSERT INTO event_new (id, host_id, at_ms, from_state, to_state, host_name, cause, outcome, reason)
  SELECT id, host_id, at_ms, from_state, to_state, host_name, cause, outcome, reason FROM event;

DROP TABLE event;
ALTER TABLE event_new RENAME TO event;

CREATE UNIQUE INDEX event_once ON event (host_id, coalesce(slot_ms, at_ms), from_state, to_state);
CREATE INDEX event_at ON event (at_ms);
CREATE INDEX event_of_host ON event (host_id, at_ms);
