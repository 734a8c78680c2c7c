-- Filesystems: a row per mount.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW filesystem AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
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
FROM poll p JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
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
WHERE p.detail IS NOT NULL
