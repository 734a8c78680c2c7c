-- One row per annotation: what people and scripts said of a moment or a span.
CREATE TABLE annotation (
  id         TEXT    PRIMARY KEY,
  at_ms      INTEGER NOT NULL,
  until_ms   INTEGER,                          -- NULL: a moment
  kind       TEXT    NOT NULL,                 -- deploy, note
  text       TEXT    NOT NULL,
  who        TEXT    NOT NULL,
  hosts      TEXT    NOT NULL,                 -- JSON: {"groups": […], "labels": {…}, "names": […]}; all empty: the whole fleet
  removed_ms INTEGER                           -- NULL: it holds
) STRICT;

CREATE INDEX annotation_at ON annotation (at_ms);
