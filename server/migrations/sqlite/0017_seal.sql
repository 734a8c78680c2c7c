-- How far polls are packed into `poll_hour` (see server/src/store/sqlite/ddl.rs), and how many there are:
-- counting the rows of months would read the whole index.
CREATE TABLE seal (
  id               INTEGER PRIMARY KEY CHECK (id = 1),
  sealed_before_ms INTEGER NOT NULL, -- no hour from here on is packed; of those before, all but what came late
  unsealed         INTEGER NOT NULL, -- rows of `poll`
  polls            INTEGER NOT NULL, -- that are packed
  bytes            INTEGER NOT NULL  -- of their texts, packed
) STRICT;
INSERT INTO seal (id, sealed_before_ms, unsealed, polls, bytes)
  VALUES (1, -9223372036854775808, 0, 0, 0);
