-- What was loaded when.
CREATE TABLE IF NOT EXISTS inventory_version (
  id        BIGINT NOT NULL AUTO_INCREMENT,
  loaded_at DATETIME(3) NOT NULL,
  hash      VARCHAR(255) NOT NULL,                   -- of the content
  source    TEXT NOT NULL,                           -- the file
  hosts     BIGINT NOT NULL,                         -- hosts after expansion
  content   LONGTEXT NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
