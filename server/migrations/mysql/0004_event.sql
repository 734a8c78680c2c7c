-- One row per change of a host's state.
CREATE TABLE IF NOT EXISTS event (
  id         BIGINT NOT NULL AUTO_INCREMENT,
  host_id    BIGINT NOT NULL,
  ts         DATETIME(3) NOT NULL,                   -- when, UTC
  from_state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  to_state   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  host_name  VARCHAR(255) NOT NULL,                  -- its name when it happened
  cause      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin, -- of the poll that caused it
  reason     MEDIUMTEXT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY event_once (host_id, ts, from_state, to_state), -- sent twice, kept once
  KEY event_ts (ts)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
