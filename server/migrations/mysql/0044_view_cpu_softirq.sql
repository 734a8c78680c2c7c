-- Soft interrupts: a row per core.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW cpu_softirq AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.core,
  e.hi_per_s,
  e.timer_per_s,
  e.net_tx_per_s,
  e.net_rx_per_s,
  e.block_per_s,
  e.irq_poll_per_s,
  e.tasklet_per_s,
  e.sched_per_s,
  e.hrtimer_per_s,
  e.rcu_per_s
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.softirq[*]' COLUMNS (
    core TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    hi_per_s DOUBLE PATH '$[1]',
    timer_per_s DOUBLE PATH '$[2]',
    net_tx_per_s DOUBLE PATH '$[3]',
    net_rx_per_s DOUBLE PATH '$[4]',
    block_per_s DOUBLE PATH '$[5]',
    irq_poll_per_s DOUBLE PATH '$[6]',
    tasklet_per_s DOUBLE PATH '$[7]',
    sched_per_s DOUBLE PATH '$[8]',
    hrtimer_per_s DOUBLE PATH '$[9]',
    rcu_per_s DOUBLE PATH '$[10]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.core,
  e.hi_per_s,
  e.timer_per_s,
  e.net_tx_per_s,
  e.net_rx_per_s,
  e.block_per_s,
  e.irq_poll_per_s,
  e.tasklet_per_s,
  e.sched_per_s,
  e.hrtimer_per_s,
  e.rcu_per_s
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.cpu_softirq_at, q.net_info_at - q.cpu_softirq_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      core TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      hi_per_s DOUBLE PATH '$[1]',
      timer_per_s DOUBLE PATH '$[2]',
      net_tx_per_s DOUBLE PATH '$[3]',
      net_rx_per_s DOUBLE PATH '$[4]',
      block_per_s DOUBLE PATH '$[5]',
      irq_poll_per_s DOUBLE PATH '$[6]',
      tasklet_per_s DOUBLE PATH '$[7]',
      sched_per_s DOUBLE PATH '$[8]',
      hrtimer_per_s DOUBLE PATH '$[9]',
      rcu_per_s DOUBLE PATH '$[10]'
    )
  )
) e
WHERE s.id = 1
