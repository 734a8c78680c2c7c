-- What every batch of polls moves on, apart from `host`: first and last answer, and the key of the
-- newest poll, so that it is found without a look into each partition.
CREATE TABLE IF NOT EXISTS host_seen (
  host_id    BIGINT NOT NULL,
  first_seen DATETIME(3),
  last_seen  DATETIME(3),
  latest     DATETIME(3),                            -- `ts` of the newest poll
  PRIMARY KEY (host_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
