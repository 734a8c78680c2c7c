-- Every attempt, with how it ended and where its time went: why is there a gap?
CREATE OR REPLACE SQL SECURITY INVOKER VIEW ledger AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  p.outcome,
  p.state,
  p.late_us,
  p.queue_us,
  p.resolve_us,
  p.connect_us,
  p.call_us,
  p.answer_bytes,
  p.address,
  p.error,
  p.boot_id,
  p.clock_skew_ms,
  p.inventory_id
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.outcome,
  e.state,
  e.late_us,
  e.queue_us,
  e.resolve_us,
  e.connect_us,
  e.call_us,
  e.answer_bytes,
  e.address,
  e.error,
  e.boot_id,
  e.clock_skew_ms,
  e.inventory_id
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.ledger_at, q.cpu_load_at - q.ledger_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    inventory_id BIGINT PATH '$[2]',
    outcome VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$[3]',
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$[4]',
    late_us BIGINT PATH '$[5]',
    queue_us BIGINT PATH '$[6]',
    resolve_us BIGINT PATH '$[7]',
    connect_us BIGINT PATH '$[8]',
    call_us BIGINT PATH '$[9]',
    answer_bytes BIGINT PATH '$[10]',
    address TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[11]',
    error MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[12]',
    boot_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[13]',
    clock_skew_ms BIGINT PATH '$[14]'
  )
) e
WHERE s.id = 1
