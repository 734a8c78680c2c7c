-- Every attempt, with how it ended and where its time went: why is there a gap?
CREATE OR REPLACE SQL SECURITY INVOKER VIEW ledger AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
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
FROM poll p JOIN host h ON h.id = p.host_id
