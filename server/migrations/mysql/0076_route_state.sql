-- Who was told of what, and what people said of alarms: a copy of what the server has on its own disk, for
-- another one that takes over.
CREATE TABLE IF NOT EXISTS route_state (
  id   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- SHA-256 of what it is known by
  data MEDIUMTEXT NOT NULL,                                     -- JSON
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
