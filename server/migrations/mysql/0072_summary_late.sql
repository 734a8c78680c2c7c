-- Days into which polls came after they were summed up, or while they were: they are summed up again.
CREATE TABLE IF NOT EXISTS summary_late (
  host_id BIGINT NOT NULL,
  day     DATE NOT NULL,                            -- UTC
  times   BIGINT NOT NULL,
  PRIMARY KEY (host_id, day)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
