-- Load averages and tasks.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cpu_load AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  ROUND(p.load_1 + 0e0, 3) AS load_1,
  ROUND(p.load_5 + 0e0, 3) AS load_5,
  ROUND(p.load_15 + 0e0, 3) AS load_15,
  p.load_runnable_tasks,
  p.load_total_tasks
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.load_1,
  e.load_5,
  e.load_15,
  e.load_runnable_tasks,
  e.load_total_tasks
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.cpu_load_at, q.host_totals_at - q.cpu_load_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    load_1 DOUBLE PATH '$[1]',
    load_5 DOUBLE PATH '$[2]',
    load_15 DOUBLE PATH '$[3]',
    load_runnable_tasks BIGINT PATH '$[4]',
    load_total_tasks BIGINT PATH '$[5]'
  )
) e
WHERE s.id = 1
