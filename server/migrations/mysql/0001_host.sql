-- One row per host that ever was in the inventory. Moments are UTC, to the millisecond; NULL is
-- unknown.
CREATE TABLE IF NOT EXISTS host (
  id            BIGINT NOT NULL AUTO_INCREMENT,      -- never given to another host
  name          VARCHAR(255) NOT NULL,
  group_name    VARCHAR(255),                        -- NULL: in no group
  labels        MEDIUMTEXT NOT NULL,                 -- JSON object
  addresses     MEDIUMTEXT NOT NULL,                 -- JSON array of "host:port"
  listed_at     DATETIME(3) NOT NULL,                -- when it (last) came into the inventory
  retired_at    DATETIME(3),                         -- when it left; NULL: it is in
  state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin, -- after the last transition
  state_since   DATETIME(3),
  facts_at      DATETIME(3),                         -- when the facts below were true
  machine_id    VARCHAR(255),                        -- the machine this host is pinned to
  boot_id       VARCHAR(255),
  hostname      TEXT,
  kernel        TEXT,
  os            TEXT,
  architecture  TEXT,
  probe_version TEXT,
  cpus          BIGINT,
  PRIMARY KEY (id),
  UNIQUE KEY host_name (name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
