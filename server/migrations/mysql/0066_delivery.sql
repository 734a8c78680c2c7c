-- One row per message and channel, once it is known what became of it.
CREATE TABLE IF NOT EXISTS delivery (
  id          BIGINT NOT NULL AUTO_INCREMENT,
  message     VARCHAR(255) NOT NULL,                 -- its id, the same in every try
  channel     VARCHAR(255) NOT NULL,
  route       VARCHAR(255) NOT NULL,
  kind        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- firing, resolved, repeat, digest …
  made        DATETIME(3) NOT NULL,                  -- UTC
  first_tried DATETIME(3) NOT NULL,                  -- UTC
  ended       DATETIME(3) NOT NULL,                  -- UTC
  state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- sent, given_up, withdrawn
  tries       BIGINT NOT NULL,
  answer      TEXT,                                  -- what the channel answered last
  told        BIGINT NOT NULL,                       -- of how many alarms it tells
  alarms      MEDIUMTEXT NOT NULL,                   -- JSON: [rule, host_id, row_key, "firing" or "over", severity] of each
  PRIMARY KEY (id),
  UNIQUE KEY delivery_once (message, channel),
  KEY delivery_ended (ended)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
