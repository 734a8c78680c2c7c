-- How many polls each day has, kept in the transaction that writes them: counting months of rows
-- would read them all.
CREATE TABLE IF NOT EXISTS poll_day (
  day    DATE NOT NULL,
  polls  BIGINT NOT NULL,
  oldest DATETIME(3) NOT NULL,                       -- `ts` of its first poll and of its last
  newest DATETIME(3) NOT NULL,
  sealed_polls BIGINT NOT NULL DEFAULT 0,            -- how many of them are sealed, in how many bytes
  sealed_bytes BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (day)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
