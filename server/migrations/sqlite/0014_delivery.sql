-- One row per message and channel, once it is known what became of it.
CREATE TABLE delivery (
  id             INTEGER PRIMARY KEY,
  message        TEXT    NOT NULL,                 -- its id, the same in every try
  channel        TEXT    NOT NULL,
  route          TEXT    NOT NULL,
  kind           TEXT    NOT NULL,                 -- firing, resolved, repeat, digest …
  made_ms        INTEGER NOT NULL,
  first_tried_ms INTEGER NOT NULL,
  ended_ms       INTEGER NOT NULL,
  state          TEXT    NOT NULL,                 -- sent, given_up, withdrawn
  tries          INTEGER NOT NULL,
  answer         TEXT,                             -- what the channel answered last
  told           INTEGER NOT NULL,                 -- of how many alarms it tells
  alarms         TEXT    NOT NULL,                 -- JSON: [rule, host_id, row_key, "firing" or "over", severity] of each
  UNIQUE (message, channel)
) STRICT;

CREATE INDEX delivery_ended ON delivery (ended_ms);
