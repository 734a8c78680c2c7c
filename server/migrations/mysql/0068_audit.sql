-- One row per change that somebody asked for over HTTP, and per minute in which somebody was refused.
CREATE TABLE IF NOT EXISTS audit (
  id     BIGINT NOT NULL AUTO_INCREMENT,
  mark   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- drawn at random: a row that is sent twice is kept once
  at     DATETIME(3) NOT NULL,                  -- UTC
  who    VARCHAR(255),                          -- NULL where nobody knows
  how    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- token, session, shared, open; refused
  peer   VARCHAR(64),                           -- an address; of IPv6 the network of 64 bits
  what   TEXT NOT NULL,                         -- method and path
  status BIGINT NOT NULL,                       -- of the answer
  times  BIGINT NOT NULL,                       -- how many it stands for
  PRIMARY KEY (id),
  UNIQUE KEY audit_once (mark),
  KEY audit_at (at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
