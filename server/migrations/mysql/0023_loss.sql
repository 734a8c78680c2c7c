-- Polls that were made and could not be kept: what was lost, when and why.
CREATE TABLE IF NOT EXISTS loss (
  noted_at DATETIME(3) NOT NULL,                     -- when it was noted, UTC
  reason   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- queue_full, spool_full, refused, conflict, shutdown, unreadable
  from_ts  DATETIME(3) NOT NULL,                     -- slot of the first poll that was lost
  to_ts    DATETIME(3) NOT NULL,                     -- slot of the last one
  hosts    BIGINT NOT NULL,                          -- of how many hosts they were
  polls    BIGINT NOT NULL,
  PRIMARY KEY (noted_at, reason, from_ts)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
