-- Disks: a row per block device.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW disk_info AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.device,
  e.reads_per_s,
  e.reads_merged_per_s,
  e.read_bytes_per_s,
  e.read_await_ms,
  e.writes_per_s,
  e.writes_merged_per_s,
  e.written_bytes_per_s,
  e.write_await_ms,
  e.in_flight,
  e.busy_pct,
  e.queue,
  e.discards_per_s,
  e.discarded_bytes_per_s,
  e.flushes_per_s,
  e.flush_await_ms,
  e.discards_merged_per_s,
  e.discard_await_ms
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.disk[*]' COLUMNS (
    device TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    reads_per_s DOUBLE PATH '$[1]',
    reads_merged_per_s DOUBLE PATH '$[2]',
    read_bytes_per_s DOUBLE PATH '$[3]',
    read_await_ms DOUBLE PATH '$[4]',
    writes_per_s DOUBLE PATH '$[5]',
    writes_merged_per_s DOUBLE PATH '$[6]',
    written_bytes_per_s DOUBLE PATH '$[7]',
    write_await_ms DOUBLE PATH '$[8]',
    in_flight BIGINT PATH '$[9]',
    busy_pct DOUBLE PATH '$[10]',
    queue DOUBLE PATH '$[11]',
    discards_per_s DOUBLE PATH '$[12]',
    discarded_bytes_per_s DOUBLE PATH '$[13]',
    flushes_per_s DOUBLE PATH '$[14]',
    flush_await_ms DOUBLE PATH '$[15]',
    discards_merged_per_s DOUBLE PATH '$[16]',
    discard_await_ms DOUBLE PATH '$[17]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.device,
  e.reads_per_s,
  e.reads_merged_per_s,
  e.read_bytes_per_s,
  e.read_await_ms,
  e.writes_per_s,
  e.writes_merged_per_s,
  e.written_bytes_per_s,
  e.write_await_ms,
  e.in_flight,
  e.busy_pct,
  e.queue,
  e.discards_per_s,
  e.discarded_bytes_per_s,
  e.flushes_per_s,
  e.flush_await_ms,
  e.discards_merged_per_s,
  e.discard_await_ms
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.disk_info_at, q.filesystem_at - q.disk_info_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      device TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      reads_per_s DOUBLE PATH '$[1]',
      reads_merged_per_s DOUBLE PATH '$[2]',
      read_bytes_per_s DOUBLE PATH '$[3]',
      read_await_ms DOUBLE PATH '$[4]',
      writes_per_s DOUBLE PATH '$[5]',
      writes_merged_per_s DOUBLE PATH '$[6]',
      written_bytes_per_s DOUBLE PATH '$[7]',
      write_await_ms DOUBLE PATH '$[8]',
      in_flight BIGINT PATH '$[9]',
      busy_pct DOUBLE PATH '$[10]',
      queue DOUBLE PATH '$[11]',
      discards_per_s DOUBLE PATH '$[12]',
      discarded_bytes_per_s DOUBLE PATH '$[13]',
      flushes_per_s DOUBLE PATH '$[14]',
      flush_await_ms DOUBLE PATH '$[15]',
      discards_merged_per_s DOUBLE PATH '$[16]',
      discard_await_ms DOUBLE PATH '$[17]'
    )
  )
) e
WHERE s.id = 1
