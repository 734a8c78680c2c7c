-- Uptime, context switches, interrupts, forks, file handles, and what the probe itself uses.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW system_info AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
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
  ROUND(p.probe_cpu_pct + 0e0, 3) AS probe_cpu_pct,
  p.probe_rss_bytes,
  p.probe_collect_us
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.uptime_s,
  e.boot_time_s,
  e.context_switches_per_s,
  e.interrupts_per_s,
  e.softirqs_per_s,
  e.forks_per_s,
  e.procs_running,
  e.procs_blocked,
  e.file_handles,
  e.file_handles_max,
  e.entropy_bits,
  e.probe_cpu_pct,
  e.probe_rss_bytes,
  e.probe_collect_us
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.system_info_at, q.pressure_at - q.system_info_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    uptime_s DOUBLE PATH '$[1]',
    boot_time_s BIGINT PATH '$[2]',
    context_switches_per_s DOUBLE PATH '$[3]',
    interrupts_per_s DOUBLE PATH '$[4]',
    softirqs_per_s DOUBLE PATH '$[5]',
    forks_per_s DOUBLE PATH '$[6]',
    procs_running BIGINT PATH '$[7]',
    procs_blocked BIGINT PATH '$[8]',
    file_handles BIGINT PATH '$[9]',
    file_handles_max BIGINT PATH '$[10]',
    entropy_bits BIGINT PATH '$[11]',
    probe_cpu_pct DOUBLE PATH '$[12]',
    probe_rss_bytes BIGINT PATH '$[13]',
    probe_collect_us BIGINT PATH '$[14]'
  )
) e
WHERE s.id = 1
