-- Pauses that operators asked for, one per host at most. They outlive the server.
CREATE TABLE IF NOT EXISTS pause (
  host_id BIGINT NOT NULL,
  since   DATETIME(3) NOT NULL,                      -- UTC
  until   DATETIME(3),                               -- NULL: until somebody ends it
  reason  TEXT NOT NULL,
  PRIMARY KEY (host_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
