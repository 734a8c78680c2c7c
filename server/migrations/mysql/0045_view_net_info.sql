-- Network: a row per interface.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW net_info AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
  e.interface,
  e.rx_bytes_per_s,
  e.rx_packets_per_s,
  e.rx_errors_per_s,
  e.rx_dropped_per_s,
  e.rx_fifo_per_s,
  e.rx_frame_per_s,
  e.rx_compressed_per_s,
  e.rx_multicast_per_s,
  e.tx_bytes_per_s,
  e.tx_packets_per_s,
  e.tx_errors_per_s,
  e.tx_dropped_per_s,
  e.tx_fifo_per_s,
  e.tx_collisions_per_s,
  e.tx_carrier_per_s,
  e.tx_compressed_per_s
FROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.net[*]' COLUMNS (
    interface TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    rx_bytes_per_s DOUBLE PATH '$[1]',
    rx_packets_per_s DOUBLE PATH '$[2]',
    rx_errors_per_s DOUBLE PATH '$[3]',
    rx_dropped_per_s DOUBLE PATH '$[4]',
    rx_fifo_per_s DOUBLE PATH '$[5]',
    rx_frame_per_s DOUBLE PATH '$[6]',
    rx_compressed_per_s DOUBLE PATH '$[7]',
    rx_multicast_per_s DOUBLE PATH '$[8]',
    tx_bytes_per_s DOUBLE PATH '$[9]',
    tx_packets_per_s DOUBLE PATH '$[10]',
    tx_errors_per_s DOUBLE PATH '$[11]',
    tx_dropped_per_s DOUBLE PATH '$[12]',
    tx_fifo_per_s DOUBLE PATH '$[13]',
    tx_collisions_per_s DOUBLE PATH '$[14]',
    tx_carrier_per_s DOUBLE PATH '$[15]',
    tx_compressed_per_s DOUBLE PATH '$[16]'
  )
) e
WHERE s.id = 1 AND p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour,
  e.interface,
  e.rx_bytes_per_s,
  e.rx_packets_per_s,
  e.rx_errors_per_s,
  e.rx_dropped_per_s,
  e.rx_fifo_per_s,
  e.rx_frame_per_s,
  e.rx_compressed_per_s,
  e.rx_multicast_per_s,
  e.tx_bytes_per_s,
  e.tx_packets_per_s,
  e.tx_errors_per_s,
  e.tx_dropped_per_s,
  e.tx_fifo_per_s,
  e.tx_collisions_per_s,
  e.tx_carrier_per_s,
  e.tx_compressed_per_s
FROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = q.host_id JOIN JSON_TABLE(
  CONVERT(UNCOMPRESS(SUBSTRING(q.docs, q.net_info_at, q.disk_info_at - q.net_info_at)) USING utf8mb4), '$[*]' COLUMNS (
    after_ms INT PATH '$[0]',
    NESTED PATH '$[1][*]' COLUMNS (
      interface TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
      rx_bytes_per_s DOUBLE PATH '$[1]',
      rx_packets_per_s DOUBLE PATH '$[2]',
      rx_errors_per_s DOUBLE PATH '$[3]',
      rx_dropped_per_s DOUBLE PATH '$[4]',
      rx_fifo_per_s DOUBLE PATH '$[5]',
      rx_frame_per_s DOUBLE PATH '$[6]',
      rx_compressed_per_s DOUBLE PATH '$[7]',
      rx_multicast_per_s DOUBLE PATH '$[8]',
      tx_bytes_per_s DOUBLE PATH '$[9]',
      tx_packets_per_s DOUBLE PATH '$[10]',
      tx_errors_per_s DOUBLE PATH '$[11]',
      tx_dropped_per_s DOUBLE PATH '$[12]',
      tx_fifo_per_s DOUBLE PATH '$[13]',
      tx_collisions_per_s DOUBLE PATH '$[14]',
      tx_carrier_per_s DOUBLE PATH '$[15]',
      tx_compressed_per_s DOUBLE PATH '$[16]'
    )
  )
) e
WHERE s.id = 1
