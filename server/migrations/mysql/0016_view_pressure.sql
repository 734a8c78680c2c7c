-- Pressure stall information.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW pressure AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  p.pressure_cpu_some_pct,
  p.pressure_cpu_some_avg10_pct,
  p.pressure_cpu_full_pct,
  p.pressure_cpu_full_avg10_pct,
  p.pressure_memory_some_pct,
  p.pressure_memory_some_avg10_pct,
  p.pressure_memory_full_pct,
  p.pressure_memory_full_avg10_pct,
  p.pressure_io_some_pct,
  p.pressure_io_some_avg10_pct,
  p.pressure_io_full_pct,
  p.pressure_io_full_avg10_pct,
  p.pressure_irq_full_pct,
  p.pressure_irq_full_avg10_pct
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
