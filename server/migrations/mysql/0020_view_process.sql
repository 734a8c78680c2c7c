-- The largest processes: a row each; asked for only when configured.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW process AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  e.pid,
  e.comm,
  e.state,
  e.cpu_pct,
  e.rss_bytes,
  e.threads
FROM poll p JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.process[*]' COLUMNS (
    pid TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    comm TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',
    state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',
    cpu_pct DOUBLE PATH '$[3]',
    rss_bytes BIGINT PATH '$[4]',
    threads BIGINT PATH '$[5]'
  )
) e
WHERE p.detail IS NOT NULL
