-- The alarms that are not ok: one row each, as it was after the poll that was judged last.
CREATE TABLE IF NOT EXISTS alert (
  rule       VARCHAR(255) NOT NULL,                  -- the rule's name in alerts.toml
  host_id    BIGINT NOT NULL,                        -- 0: the server itself
  row_hash   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- SHA-256 of row_key, which is too long for a key
  row_key    MEDIUMTEXT NOT NULL,                    -- labels of the row, joined by '/'; '' for the whole host
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, firing, clearing, unknown
  severity   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- info, warning, critical
  since      DATETIME(3) NOT NULL,                   -- the slot of the poll with which this state began, UTC
  fired      DATETIME(3),                            -- and with which it began to fire
  slot       DATETIME(3) NOT NULL,                   -- the slot of the poll that was judged last
  polls      BIGINT NOT NULL,                        -- polls in a row that speak for leaving this state
  known      DATETIME(3) NOT NULL,                   -- the slot of the last poll whose values were known
  value      DOUBLE,                                 -- in the unit of its column; NULL: unknown
  rule_hash  BIGINT UNSIGNED NOT NULL,               -- of what the rule says
  PRIMARY KEY (rule, host_id, row_hash)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
