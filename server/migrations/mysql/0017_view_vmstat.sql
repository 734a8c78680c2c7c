-- Paging and reclaim.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW vmstat AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
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
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
