-- Processes by state; asked for only when configured.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW process_states AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  p.processes_running,
  p.processes_sleeping,
  p.processes_uninterruptible,
  p.processes_zombie,
  p.processes_stopped,
  p.processes_idle,
  p.processes_other,
  p.threads
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
