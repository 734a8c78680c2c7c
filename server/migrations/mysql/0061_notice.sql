-- One row per thing to tell per receiver: written with the event before it is told, and kept after.
CREATE TABLE IF NOT EXISTS notice (
  seq        BIGINT NOT NULL AUTO_INCREMENT,         -- the order in which they happened
  receiver   VARCHAR(64) NOT NULL,                   -- who is told: 'hook'
  id         VARCHAR(255) NOT NULL,                  -- in the document, the same in every try
  host_id    BIGINT NOT NULL,                        -- 0: the server itself
  event_ts   DATETIME(3) NOT NULL,                   -- the event's slot, or its moment where it has none, UTC
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- begins, ends, says
  body       MEDIUMTEXT NOT NULL,                    -- the document
  created    DATETIME(3) NOT NULL,                   -- UTC
  state      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- pending, delivered, given_up, folded
  attempts   BIGINT NOT NULL,
  next_try   DATETIME(3) NOT NULL,                   -- UTC
  last_error TEXT,
  ended      DATETIME(3),                            -- when it was delivered, given up or folded, UTC
  PRIMARY KEY (seq),
  UNIQUE KEY notice_once (receiver, id),
  KEY notice_state (receiver, state),
  KEY notice_of_host (receiver, host_id),
  KEY notice_created (created)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
