-- Days of hosts in points of five minutes, a document for each view over polls: see server/src/store/summary.rs
-- for what is in one. A rowid table on purpose, as `poll` is: documents are appended day by day.
CREATE TABLE summary_day (
  host_id   INTEGER NOT NULL,
  view_name TEXT    NOT NULL,
  day_ms    INTEGER NOT NULL, -- its first moment, UTC
  polls     INTEGER NOT NULL, -- that it was made of
  doc       BLOB    NOT NULL,
  PRIMARY KEY (host_id, view_name, day_ms)
) STRICT;
CREATE INDEX summary_day_day ON summary_day (day_ms);

-- Days into which polls came after they were summed up, or while they were: they are summed up again.
CREATE TABLE summary_late (
  host_id INTEGER NOT NULL,
  day_ms  INTEGER NOT NULL,
  times   INTEGER NOT NULL,
  PRIMARY KEY (host_id, day_ms)
) STRICT, WITHOUT ROWID;

-- Polls due before this may be in a summary already: who keeps one says that it is late.
ALTER TABLE seal ADD COLUMN summarised_before_ms INTEGER NOT NULL DEFAULT 0;
