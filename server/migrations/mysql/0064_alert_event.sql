-- One row per change of an alarm.
CREATE TABLE IF NOT EXISTS alert_event (
  id         BIGINT NOT NULL AUTO_INCREMENT,
  host_id    BIGINT NOT NULL,                        -- 0: the server itself
  slot       DATETIME(3) NOT NULL,                   -- of the poll that caused it, or its moment where none did, UTC
  rule       VARCHAR(255) NOT NULL,
  row_hash   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- SHA-256 of row_key, which is too long for a key
  row_key    MEDIUMTEXT NOT NULL,
  from_state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at         DATETIME(3) NOT NULL,                   -- when it was judged, UTC
  cause      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  severity   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value      DOUBLE,                                 -- that caused it; NULL: unknown
  summary    MEDIUMTEXT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY alert_event_once (host_id, slot, rule, row_hash, to_state), -- sent twice, kept once
  KEY alert_event_slot (slot)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
