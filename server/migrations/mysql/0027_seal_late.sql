-- Hosts whose polls came into an hour while it was being sealed: they are sealed once more. Filled in the
-- transaction that keeps the polls; empty but for such moments.
CREATE TABLE IF NOT EXISTS seal_late (
  host_id BIGINT NOT NULL,
  hour    DATETIME NOT NULL,
  PRIMARY KEY (host_id, hour)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
