-- Processes by state; asked for only when configured.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW process_states AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  p.processes_running,
  p.processes_sleeping,
  p.processes_uninterruptible,
  p.processes_zombie,
  p.processes_stopped,
  p.processes_idle,
  p.processes_other,
  p.threads
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.processes_running,
  e.processes_sleeping,
  e.processes_uninterruptible,
  e.processes_zombie,
  e.processes_stopped,
  e.processes_idle,
  e.processes_other,
  e.threads
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.process_states_at, q.cpu_stat_at - q.process_states_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    processes_running BIGINT PATH '$[1]',
    processes_sleeping BIGINT PATH '$[2]',
    processes_uninterruptible BIGINT PATH '$[3]',
    processes_zombie BIGINT PATH '$[4]',
    processes_stopped BIGINT PATH '$[5]',
    processes_idle BIGINT PATH '$[6]',
    processes_other BIGINT PATH '$[7]',
    threads BIGINT PATH '$[8]'
  )
) e
WHERE s.id = 1
