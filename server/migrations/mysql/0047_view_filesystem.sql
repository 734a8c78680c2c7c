-- Filesystems: a row per mount.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW filesystem AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.mount_point,
  e.device,
  e.fs_type,
  e.status,
  e.size_bytes,
  e.free_bytes,
  e.available_bytes,
  e.used_pct,
  e.inodes,
  e.inodes_free,
  e.inodes_used_pct,
  e.read_only
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.filesystem[*]' COLUMNS (
    mount_point TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    device TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',
    fs_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',
    status TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]',
    size_bytes BIGINT PATH '$[4]',
    free_bytes BIGINT PATH '$[5]',
    available_bytes BIGINT PATH '$[6]',
    used_pct DOUBLE PATH '$[7]',
    inodes BIGINT PATH '$[8]',
    inodes_free BIGINT PATH '$[9]',
    inodes_used_pct DOUBLE PATH '$[10]',
    read_only BIGINT PATH '$[11]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.mount_point,
  e.device,
  e.fs_type,
  e.status,
  e.size_bytes,
  e.free_bytes,
  e.available_bytes,
  e.used_pct,
  e.inodes,
  e.inodes_free,
  e.inodes_used_pct,
  e.read_only
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.filesystem_at, q.process_at - q.filesystem_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      mount_point TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      device TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',
      fs_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',
      status TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[3]',
      size_bytes BIGINT PATH '$[4]',
      free_bytes BIGINT PATH '$[5]',
      available_bytes BIGINT PATH '$[6]',
      used_pct DOUBLE PATH '$[7]',
      inodes BIGINT PATH '$[8]',
      inodes_free BIGINT PATH '$[9]',
      inodes_used_pct DOUBLE PATH '$[10]',
      read_only BIGINT PATH '$[11]'
    )
  )
) e
WHERE s.id = 1
