-- CPU shares: a row for all cores together, `core` being 'cpu', and a row per core.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cpu_stat AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  CONVERT('cpu' USING utf8mb4) COLLATE utf8mb4_bin AS core,
  ROUND(p.cpu_busy_pct + 0e0, 3) AS busy_pct,
  ROUND(p.cpu_user_pct + 0e0, 3) AS user_pct,
  ROUND(p.cpu_nice_pct + 0e0, 3) AS nice_pct,
  ROUND(p.cpu_system_pct + 0e0, 3) AS system_pct,
  ROUND(p.cpu_idle_pct + 0e0, 3) AS idle_pct,
  ROUND(p.cpu_iowait_pct + 0e0, 3) AS iowait_pct,
  ROUND(p.cpu_irq_pct + 0e0, 3) AS irq_pct,
  ROUND(p.cpu_softirq_pct + 0e0, 3) AS softirq_pct,
  ROUND(p.cpu_steal_pct + 0e0, 3) AS steal_pct,
  ROUND(p.cpu_guest_pct + 0e0, 3) AS guest_pct,
  ROUND(p.cpu_guest_nice_pct + 0e0, 3) AS guest_nice_pct
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.core,
  e.busy_pct,
  e.user_pct,
  e.nice_pct,
  e.system_pct,
  e.idle_pct,
  e.iowait_pct,
  e.irq_pct,
  e.softirq_pct,
  e.steal_pct,
  e.guest_pct,
  e.guest_nice_pct
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.core[*]' COLUMNS (
    core TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    busy_pct DOUBLE PATH '$[1]',
    user_pct DOUBLE PATH '$[2]',
    nice_pct DOUBLE PATH '$[3]',
    system_pct DOUBLE PATH '$[4]',
    idle_pct DOUBLE PATH '$[5]',
    iowait_pct DOUBLE PATH '$[6]',
    irq_pct DOUBLE PATH '$[7]',
    softirq_pct DOUBLE PATH '$[8]',
    steal_pct DOUBLE PATH '$[9]',
    guest_pct DOUBLE PATH '$[10]',
    guest_nice_pct DOUBLE PATH '$[11]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  CONVERT('cpu' USING utf8mb4) COLLATE utf8mb4_bin AS core,
  e.busy_pct,
  e.user_pct,
  e.nice_pct,
  e.system_pct,
  e.idle_pct,
  e.iowait_pct,
  e.irq_pct,
  e.softirq_pct,
  e.steal_pct,
  e.guest_pct,
  e.guest_nice_pct
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.host_totals_at, q.mem_info_at - q.host_totals_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    busy_pct DOUBLE PATH '$[1]',
    user_pct DOUBLE PATH '$[2]',
    nice_pct DOUBLE PATH '$[3]',
    system_pct DOUBLE PATH '$[4]',
    idle_pct DOUBLE PATH '$[5]',
    iowait_pct DOUBLE PATH '$[6]',
    irq_pct DOUBLE PATH '$[7]',
    softirq_pct DOUBLE PATH '$[8]',
    steal_pct DOUBLE PATH '$[9]',
    guest_pct DOUBLE PATH '$[10]',
    guest_nice_pct DOUBLE PATH '$[11]'
  )
) e
WHERE s.id = 1
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.core,
  e.busy_pct,
  e.user_pct,
  e.nice_pct,
  e.system_pct,
  e.idle_pct,
  e.iowait_pct,
  e.irq_pct,
  e.softirq_pct,
  e.steal_pct,
  e.guest_pct,
  e.guest_nice_pct
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.cpu_stat_at, q.cpu_softirq_at - q.cpu_stat_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      core TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      busy_pct DOUBLE PATH '$[1]',
      user_pct DOUBLE PATH '$[2]',
      nice_pct DOUBLE PATH '$[3]',
      system_pct DOUBLE PATH '$[4]',
      idle_pct DOUBLE PATH '$[5]',
      iowait_pct DOUBLE PATH '$[6]',
      irq_pct DOUBLE PATH '$[7]',
      softirq_pct DOUBLE PATH '$[8]',
      steal_pct DOUBLE PATH '$[9]',
      guest_pct DOUBLE PATH '$[10]',
      guest_nice_pct DOUBLE PATH '$[11]'
    )
  )
) e
WHERE s.id = 1
