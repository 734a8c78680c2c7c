-- One row: what tells this store from every other, also from one that takes its place.
CREATE TABLE IF NOT EXISTS identity (
  id    TINYINT NOT NULL,                            -- 1
  store CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
