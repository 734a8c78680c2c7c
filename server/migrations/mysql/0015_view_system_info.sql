-- Uptime, context switches, interrupts, forks, file handles, and what the probe itself uses.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW system_info AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  p.uptime_s,
  p.boot_time_s,
  p.context_switches_per_s,
  p.interrupts_per_s,
  p.softirqs_per_s,
  p.forks_per_s,
  p.procs_running,
  p.procs_blocked,
  p.file_handles,
  p.file_handles_max,
  p.entropy_bits,
  p.probe_cpu_pct,
  p.probe_rss_bytes,
  p.probe_collect_us
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
