-- Days of hosts in points of five minutes, a document for each view over polls: see server/src/store/summary.rs
-- for what is in one. In the order of the key, so that a chart reads one stretch of it.
CREATE TABLE IF NOT EXISTS summary_day (
  host_id   BIGINT NOT NULL,
  view_name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day       DATE NOT NULL,                          -- UTC
  polls     INT UNSIGNED NOT NULL,                  -- that it was made of
  doc       LONGBLOB NOT NULL,
  PRIMARY KEY (host_id, view_name, day),
  KEY summary_day_day (day)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
