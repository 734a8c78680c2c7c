-- Load averages and tasks.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cpu_load AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  p.load_1,
  p.load_5,
  p.load_15,
  p.load_runnable_tasks,
  p.load_total_tasks
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
