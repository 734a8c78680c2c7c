-- One row per change that somebody asked for over HTTP, and per minute in which somebody was refused.
CREATE TABLE audit (
  id     INTEGER PRIMARY KEY,
  mark   TEXT    NOT NULL UNIQUE,  -- drawn at random: a row that is sent twice is kept once
  at_ms  INTEGER NOT NULL,
  who    TEXT,                     -- NULL where nobody knows
  how    TEXT    NOT NULL,         -- token, session, shared, open; refused
  peer   TEXT,                     -- an address; of IPv6 the network of 64 bits
  what   TEXT    NOT NULL,         -- method and path
  status INTEGER NOT NULL,         -- of the answer
  times  INTEGER NOT NULL          -- how many it stands for
) STRICT;

CREATE INDEX audit_at ON audit (at_ms);
