-- Pauses that operators asked for, one per host at most. They outlive the server.
CREATE TABLE pause (
  host_id  INTEGER PRIMARY KEY,
  since_ms INTEGER NOT NULL,
  until_ms INTEGER,                                -- NULL: until somebody ends it
  reason   TEXT    NOT NULL
) STRICT;
