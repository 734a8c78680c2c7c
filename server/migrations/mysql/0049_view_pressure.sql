-- Pressure stall information.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW pressure AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  ROUND(p.pressure_cpu_some_pct + 0e0, 3) AS pressure_cpu_some_pct,
  ROUND(p.pressure_cpu_some_avg10_pct + 0e0, 3) AS pressure_cpu_some_avg10_pct,
  ROUND(p.pressure_cpu_full_pct + 0e0, 3) AS pressure_cpu_full_pct,
  ROUND(p.pressure_cpu_full_avg10_pct + 0e0, 3) AS pressure_cpu_full_avg10_pct,
  ROUND(p.pressure_memory_some_pct + 0e0, 3) AS pressure_memory_some_pct,
  ROUND(p.pressure_memory_some_avg10_pct + 0e0, 3) AS pressure_memory_some_avg10_pct,
  ROUND(p.pressure_memory_full_pct + 0e0, 3) AS pressure_memory_full_pct,
  ROUND(p.pressure_memory_full_avg10_pct + 0e0, 3) AS pressure_memory_full_avg10_pct,
  ROUND(p.pressure_io_some_pct + 0e0, 3) AS pressure_io_some_pct,
  ROUND(p.pressure_io_some_avg10_pct + 0e0, 3) AS pressure_io_some_avg10_pct,
  ROUND(p.pressure_io_full_pct + 0e0, 3) AS pressure_io_full_pct,
  ROUND(p.pressure_io_full_avg10_pct + 0e0, 3) AS pressure_io_full_avg10_pct,
  ROUND(p.pressure_irq_full_pct + 0e0, 3) AS pressure_irq_full_pct,
  ROUND(p.pressure_irq_full_avg10_pct + 0e0, 3) AS pressure_irq_full_avg10_pct
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.pressure_cpu_some_pct,
  e.pressure_cpu_some_avg10_pct,
  e.pressure_cpu_full_pct,
  e.pressure_cpu_full_avg10_pct,
  e.pressure_memory_some_pct,
  e.pressure_memory_some_avg10_pct,
  e.pressure_memory_full_pct,
  e.pressure_memory_full_avg10_pct,
  e.pressure_io_some_pct,
  e.pressure_io_some_avg10_pct,
  e.pressure_io_full_pct,
  e.pressure_io_full_avg10_pct,
  e.pressure_irq_full_pct,
  e.pressure_irq_full_avg10_pct
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.pressure_at, q.vmstat_at - q.pressure_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    pressure_cpu_some_pct DOUBLE PATH '$[1]',
    pressure_cpu_some_avg10_pct DOUBLE PATH '$[2]',
    pressure_cpu_full_pct DOUBLE PATH '$[3]',
    pressure_cpu_full_avg10_pct DOUBLE PATH '$[4]',
    pressure_memory_some_pct DOUBLE PATH '$[5]',
    pressure_memory_some_avg10_pct DOUBLE PATH '$[6]',
    pressure_memory_full_pct DOUBLE PATH '$[7]',
    pressure_memory_full_avg10_pct DOUBLE PATH '$[8]',
    pressure_io_some_pct DOUBLE PATH '$[9]',
    pressure_io_some_avg10_pct DOUBLE PATH '$[10]',
    pressure_io_full_pct DOUBLE PATH '$[11]',
    pressure_io_full_avg10_pct DOUBLE PATH '$[12]',
    pressure_irq_full_pct DOUBLE PATH '$[13]',
    pressure_irq_full_avg10_pct DOUBLE PATH '$[14]'
  )
) e
WHERE s.id = 1
