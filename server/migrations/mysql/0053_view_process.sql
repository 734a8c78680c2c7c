-- The largest processes: a row each; asked for only when configured.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW process AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.pid,
  e.comm,
  e.state,
  e.cpu_pct,
  e.rss_bytes,
  e.threads
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.process[*]' COLUMNS (
    pid TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    comm TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',
    state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',
    cpu_pct DOUBLE PATH '$[3]',
    rss_bytes BIGINT PATH '$[4]',
    threads BIGINT PATH '$[5]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.pid,
  e.comm,
  e.state,
  e.cpu_pct,
  e.rss_bytes,
  e.threads
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.process_at, q.end_at - q.process_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      pid TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      comm TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[1]',
      state TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[2]',
      cpu_pct DOUBLE PATH '$[3]',
      rss_bytes BIGINT PATH '$[4]',
      threads BIGINT PATH '$[5]'
    )
  )
) e
WHERE s.id = 1
