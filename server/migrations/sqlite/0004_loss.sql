-- Polls that were made and could not be kept: what was lost, when and why.
CREATE TABLE loss (
  noted_at_ms INTEGER NOT NULL,                    -- when it was noted
  reason      TEXT    NOT NULL,                    -- queue_full, spool_full, refused, conflict, shutdown, unreadable
  from_ms     INTEGER NOT NULL,                    -- slot of the first poll that was lost
  to_ms       INTEGER NOT NULL,                    -- slot of the last one
  hosts       INTEGER NOT NULL,                    -- of how many hosts they were
  polls       INTEGER NOT NULL,
  PRIMARY KEY (noted_at_ms, reason, from_ms)
) STRICT, WITHOUT ROWID;
