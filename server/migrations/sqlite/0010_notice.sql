-- One row per thing to tell per receiver: written with the event before it is told, and kept after.
CREATE TABLE notice (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which they happened
  receiver    TEXT    NOT NULL,                    -- who is told: 'hook'
  id          TEXT    NOT NULL,                    -- in the document, the same in every try
  host_id     INTEGER NOT NULL,                    -- 0: the server itself
  event_ms    INTEGER NOT NULL,                    -- the event's slot, or its moment where it has none
  kind        TEXT    NOT NULL,                    -- begins, ends, says
  body        TEXT    NOT NULL,                    -- the document
  created_ms  INTEGER NOT NULL,
  state       TEXT    NOT NULL,                    -- pending, delivered, given_up, folded
  attempts    INTEGER NOT NULL,
  next_try_ms INTEGER NOT NULL,
  last_error  TEXT,
  ended_ms    INTEGER,                             -- when it was delivered, given up or folded
  UNIQUE (receiver, id)
) STRICT;

CREATE INDEX notice_pending ON notice (receiver) WHERE state = 'pending';
CREATE INDEX notice_of_host ON notice (receiver, host_id);
CREATE INDEX notice_created ON notice (created_ms);
