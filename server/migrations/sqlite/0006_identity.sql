-- One row: what tells this store from every other, also from one that takes its place.
CREATE TABLE identity (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  store TEXT NOT NULL
) STRICT;
INSERT INTO identity (id, store) VALUES (1, lower(hex(randomblob(16))));
