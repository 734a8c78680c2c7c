-- Where sealed history ends: one row. Each poll is shown from `poll_hour` when its hour is before
-- `sealed_before`, else from `poll`, so no poll is shown twice or not at all, whatever was going on when
-- a server died. Writers hold the row while they write (shared), sealing moves it (exclusively).
CREATE TABLE IF NOT EXISTS seal (
  id            TINYINT NOT NULL,                    -- 1
  sealed_before DATETIME NOT NULL,                   -- a whole hour
  sealing       DATETIME NOT NULL,                   -- the end of the hour that is being sealed, or sealed_before
  epoch         BIGINT UNSIGNED NOT NULL,            -- counts who began to seal; the last one goes on
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
