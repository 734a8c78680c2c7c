-- Network: a row per interface.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW net_info AS
SELECT
  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
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
FROM poll p JOIN host h ON h.id = p.host_id JOIN JSON_TABLE(
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
WHERE p.detail IS NOT NULL
