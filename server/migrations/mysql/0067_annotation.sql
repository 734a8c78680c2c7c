-- One row per annotation: what people and scripts said of a moment or a span.
CREATE TABLE IF NOT EXISTS annotation (
  id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at      DATETIME(3) NOT NULL,                  -- UTC
  until   DATETIME(3),                           -- UTC; NULL: a moment
  kind    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- deploy, note
  text    TEXT NOT NULL,
  who     TEXT NOT NULL,
  hosts   MEDIUMTEXT NOT NULL,                   -- JSON: {"groups": […], "labels": {…}, "names": […]}; all empty: the whole fleet
  removed DATETIME(3),                           -- UTC; NULL: it holds
  PRIMARY KEY (id),
  KEY annotation_at (at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
