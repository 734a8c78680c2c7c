-- One row: which server writes to this database. Who holds it renews it; once it has lapsed another may
-- take it.
CREATE TABLE IF NOT EXISTS server (
  id      TINYINT NOT NULL,                            -- 1
  owner   CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- of its data folder
  words   VARCHAR(1000) NOT NULL,                      -- process, machine, data folder
  epoch   BIGINT UNSIGNED NOT NULL,                    -- counts who has held it
  expires DATETIME(3) NOT NULL,                        -- by the database's clock
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
