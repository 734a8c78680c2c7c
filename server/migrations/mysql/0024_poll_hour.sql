-- Sealed history: all polls of a host and an hour in one row, or in several `part`s. What the views show
-- of the hours before `seal.sealed_before` is from here; rows of later hours are being made and count
-- for nothing.
--
-- `docs` is a text per view, one after another, each packed in the form of COMPRESS(). The text of the
-- view `net_info` is
--   CONVERT(UNCOMPRESS(SUBSTRING(docs, net_info_at, disk_info_at - net_info_at)) USING utf8mb4)
-- and so on: each ends where the next begins. It is a JSON array with an element per poll, which is
-- [ms after the hour, value, ...] or, where a poll has several rows, [ms after the hour, [[...], ...]].
-- One BLOB, since each would waste half a page of 16 KiB; and a text per view, so that a query unpacks
-- only what it shows.
CREATE TABLE IF NOT EXISTS poll_hour (
  host_id   BIGINT NOT NULL,
  hour      DATETIME NOT NULL,                       -- its first moment, UTC
  part      INT UNSIGNED NOT NULL,                   -- from 0: large hours, and polls that came late
  polls     INT UNSIGNED NOT NULL,
  first_ts  DATETIME(3) NOT NULL,                    -- due moments of its first and last poll
  last_ts   DATETIME(3) NOT NULL,
  ledger_at         INT UNSIGNED NOT NULL,
  cpu_load_at       INT UNSIGNED NOT NULL,
  host_totals_at    INT UNSIGNED NOT NULL,
  mem_info_at       INT UNSIGNED NOT NULL,
  system_info_at    INT UNSIGNED NOT NULL,
  pressure_at       INT UNSIGNED NOT NULL,
  vmstat_at         INT UNSIGNED NOT NULL,
  sockets_at        INT UNSIGNED NOT NULL,
  process_states_at INT UNSIGNED NOT NULL,
  cpu_stat_at       INT UNSIGNED NOT NULL,
  cpu_softirq_at    INT UNSIGNED NOT NULL,
  net_info_at       INT UNSIGNED NOT NULL,
  disk_info_at      INT UNSIGNED NOT NULL,
  filesystem_at     INT UNSIGNED NOT NULL,
  process_at        INT UNSIGNED NOT NULL,
  end_at            INT UNSIGNED NOT NULL,
  docs      LONGBLOB NOT NULL,
  PRIMARY KEY (host_id, hour, part)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
PARTITION BY RANGE COLUMNS (hour) (
  PARTITION g20000101 VALUES LESS THAN ('2000-01-01')
)
