-- Paging and reclaim.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW vmstat AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  p.page_faults_per_s,
  p.major_page_faults_per_s,
  p.paged_in_bytes_per_s,
  p.paged_out_bytes_per_s,
  p.swapped_in_pages_per_s,
  p.swapped_out_pages_per_s,
  p.scanned_kswapd_pages_per_s,
  p.scanned_direct_pages_per_s,
  p.stolen_kswapd_pages_per_s,
  p.stolen_direct_pages_per_s,
  p.allocation_stalls_per_s,
  p.compaction_stalls_per_s,
  p.oom_kills_per_s,
  p.refaults_anon_pages_per_s,
  p.refaults_file_pages_per_s
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.page_faults_per_s,
  e.major_page_faults_per_s,
  e.paged_in_bytes_per_s,
  e.paged_out_bytes_per_s,
  e.swapped_in_pages_per_s,
  e.swapped_out_pages_per_s,
  e.scanned_kswapd_pages_per_s,
  e.scanned_direct_pages_per_s,
  e.stolen_kswapd_pages_per_s,
  e.stolen_direct_pages_per_s,
  e.allocation_stalls_per_s,
  e.compaction_stalls_per_s,
  e.oom_kills_per_s,
  e.refaults_anon_pages_per_s,
  e.refaults_file_pages_per_s
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.vmstat_at, q.sockets_at - q.vmstat_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    page_faults_per_s DOUBLE PATH '$[1]',
    major_page_faults_per_s DOUBLE PATH '$[2]',
    paged_in_bytes_per_s DOUBLE PATH '$[3]',
    paged_out_bytes_per_s DOUBLE PATH '$[4]',
    swapped_in_pages_per_s DOUBLE PATH '$[5]',
    swapped_out_pages_per_s DOUBLE PATH '$[6]',
    scanned_kswapd_pages_per_s DOUBLE PATH '$[7]',
    scanned_direct_pages_per_s DOUBLE PATH '$[8]',
    stolen_kswapd_pages_per_s DOUBLE PATH '$[9]',
    stolen_direct_pages_per_s DOUBLE PATH '$[10]',
    allocation_stalls_per_s DOUBLE PATH '$[11]',
    compaction_stalls_per_s DOUBLE PATH '$[12]',
    oom_kills_per_s DOUBLE PATH '$[13]',
    refaults_anon_pages_per_s DOUBLE PATH '$[14]',
    refaults_file_pages_per_s DOUBLE PATH '$[15]'
  )
) e
WHERE s.id = 1
