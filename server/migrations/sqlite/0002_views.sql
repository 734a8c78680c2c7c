-- The views, one per family: for people, Grafana and `sqlite3`. Every row says whose it is (`host`),
-- when the poll was due (`time` in UTC, `time_ms` in milliseconds since 1970, the `hour` that it lies
-- in), and its values with their unit at the end of the name. Polls that failed have no rows here but
-- in `ledger`.

-- Every attempt, with how it ended and where its time went: why is there a gap?
CREATE VIEW ledger AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
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
FROM poll p JOIN host h ON h.id = p.host_id;

-- Load averages and tasks.
CREATE VIEW cpu_load AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.load_1,
  p.load_5,
  p.load_15,
  p.load_runnable_tasks,
  p.load_total_tasks
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;

-- CPU shares: a row for all cores together, `core` being 'cpu', and a row per core.
CREATE VIEW cpu_stat AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  'cpu' AS core,
  p.cpu_busy_pct AS busy_pct,
  p.cpu_user_pct AS user_pct,
  p.cpu_nice_pct AS nice_pct,
  p.cpu_system_pct AS system_pct,
  p.cpu_idle_pct AS idle_pct,
  p.cpu_iowait_pct AS iowait_pct,
  p.cpu_irq_pct AS irq_pct,
  p.cpu_softirq_pct AS softirq_pct,
  p.cpu_steal_pct AS steal_pct,
  p.cpu_guest_pct AS guest_pct,
  p.cpu_guest_nice_pct AS guest_nice_pct
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL
UNION ALL
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS core,
  CAST(json_extract(e.value, '$[1]') AS REAL) AS busy_pct,
  CAST(json_extract(e.value, '$[2]') AS REAL) AS user_pct,
  CAST(json_extract(e.value, '$[3]') AS REAL) AS nice_pct,
  CAST(json_extract(e.value, '$[4]') AS REAL) AS system_pct,
  CAST(json_extract(e.value, '$[5]') AS REAL) AS idle_pct,
  CAST(json_extract(e.value, '$[6]') AS REAL) AS iowait_pct,
  CAST(json_extract(e.value, '$[7]') AS REAL) AS irq_pct,
  CAST(json_extract(e.value, '$[8]') AS REAL) AS softirq_pct,
  CAST(json_extract(e.value, '$[9]') AS REAL) AS steal_pct,
  CAST(json_extract(e.value, '$[10]') AS REAL) AS guest_pct,
  CAST(json_extract(e.value, '$[11]') AS REAL) AS guest_nice_pct
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.core') e
WHERE p.detail IS NOT NULL;

-- Memory and swap.
CREATE VIEW mem_info AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.mem_used_pct,
  p.mem_total_bytes,
  p.mem_free_bytes,
  p.mem_available_bytes,
  p.mem_buffers_bytes,
  p.mem_cached_bytes,
  p.mem_swap_cached_bytes,
  p.mem_active_bytes,
  p.mem_inactive_bytes,
  p.mem_active_anon_bytes,
  p.mem_inactive_anon_bytes,
  p.mem_active_file_bytes,
  p.mem_inactive_file_bytes,
  p.mem_dirty_bytes,
  p.mem_writeback_bytes,
  p.mem_anon_pages_bytes,
  p.mem_mapped_bytes,
  p.mem_k_reclaimable_bytes,
  p.mem_s_reclaimable_bytes,
  p.mem_s_unreclaim_bytes,
  p.mem_shmem_bytes,
  p.mem_slab_bytes,
  p.mem_kernel_stack_bytes,
  p.mem_page_tables_bytes,
  p.mem_commit_limit_bytes,
  p.mem_committed_as_bytes,
  p.mem_unevictable_bytes,
  p.mem_mlocked_bytes,
  p.mem_anon_huge_pages_bytes,
  p.mem_hardware_corrupted_bytes,
  p.swap_total_bytes,
  p.swap_free_bytes,
  p.swap_used_pct,
  p.huge_pages_total,
  p.huge_pages_free,
  p.huge_pages_reserved,
  p.huge_pages_surplus,
  p.huge_page_size_bytes
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;

-- Soft interrupts: a row per core.
CREATE VIEW cpu_softirq AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS core,
  CAST(json_extract(e.value, '$[1]') AS REAL) AS hi_per_s,
  CAST(json_extract(e.value, '$[2]') AS REAL) AS timer_per_s,
  CAST(json_extract(e.value, '$[3]') AS REAL) AS net_tx_per_s,
  CAST(json_extract(e.value, '$[4]') AS REAL) AS net_rx_per_s,
  CAST(json_extract(e.value, '$[5]') AS REAL) AS block_per_s,
  CAST(json_extract(e.value, '$[6]') AS REAL) AS irq_poll_per_s,
  CAST(json_extract(e.value, '$[7]') AS REAL) AS tasklet_per_s,
  CAST(json_extract(e.value, '$[8]') AS REAL) AS sched_per_s,
  CAST(json_extract(e.value, '$[9]') AS REAL) AS hrtimer_per_s,
  CAST(json_extract(e.value, '$[10]') AS REAL) AS rcu_per_s
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.softirq') e
WHERE p.detail IS NOT NULL;

-- Network: a row per interface.
CREATE VIEW net_info AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS interface,
  CAST(json_extract(e.value, '$[1]') AS REAL) AS rx_bytes_per_s,
  CAST(json_extract(e.value, '$[2]') AS REAL) AS rx_packets_per_s,
  CAST(json_extract(e.value, '$[3]') AS REAL) AS rx_errors_per_s,
  CAST(json_extract(e.value, '$[4]') AS REAL) AS rx_dropped_per_s,
  CAST(json_extract(e.value, '$[5]') AS REAL) AS rx_fifo_per_s,
  CAST(json_extract(e.value, '$[6]') AS REAL) AS rx_frame_per_s,
  CAST(json_extract(e.value, '$[7]') AS REAL) AS rx_compressed_per_s,
  CAST(json_extract(e.value, '$[8]') AS REAL) AS rx_multicast_per_s,
  CAST(json_extract(e.value, '$[9]') AS REAL) AS tx_bytes_per_s,
  CAST(json_extract(e.value, '$[10]') AS REAL) AS tx_packets_per_s,
  CAST(json_extract(e.value, '$[11]') AS REAL) AS tx_errors_per_s,
  CAST(json_extract(e.value, '$[12]') AS REAL) AS tx_dropped_per_s,
  CAST(json_extract(e.value, '$[13]') AS REAL) AS tx_fifo_per_s,
  CAST(json_extract(e.value, '$[14]') AS REAL) AS tx_collisions_per_s,
  CAST(json_extract(e.value, '$[15]') AS REAL) AS tx_carrier_per_s,
  CAST(json_extract(e.value, '$[16]') AS REAL) AS tx_compressed_per_s
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.net') e
WHERE p.detail IS NOT NULL;

-- Disks: a row per block device.
CREATE VIEW disk_info AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS device,
  CAST(json_extract(e.value, '$[1]') AS REAL) AS reads_per_s,
  CAST(json_extract(e.value, '$[2]') AS REAL) AS reads_merged_per_s,
  CAST(json_extract(e.value, '$[3]') AS REAL) AS read_bytes_per_s,
  CAST(json_extract(e.value, '$[4]') AS REAL) AS read_await_ms,
  CAST(json_extract(e.value, '$[5]') AS REAL) AS writes_per_s,
  CAST(json_extract(e.value, '$[6]') AS REAL) AS writes_merged_per_s,
  CAST(json_extract(e.value, '$[7]') AS REAL) AS written_bytes_per_s,
  CAST(json_extract(e.value, '$[8]') AS REAL) AS write_await_ms,
  CAST(json_extract(e.value, '$[9]') AS INTEGER) AS in_flight,
  CAST(json_extract(e.value, '$[10]') AS REAL) AS busy_pct,
  CAST(json_extract(e.value, '$[11]') AS REAL) AS queue,
  CAST(json_extract(e.value, '$[12]') AS REAL) AS discards_per_s,
  CAST(json_extract(e.value, '$[13]') AS REAL) AS discarded_bytes_per_s,
  CAST(json_extract(e.value, '$[14]') AS REAL) AS flushes_per_s,
  CAST(json_extract(e.value, '$[15]') AS REAL) AS flush_await_ms,
  CAST(json_extract(e.value, '$[16]') AS REAL) AS discards_merged_per_s,
  CAST(json_extract(e.value, '$[17]') AS REAL) AS discard_await_ms
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.disk') e
WHERE p.detail IS NOT NULL;

-- Filesystems: a row per mount.
CREATE VIEW filesystem AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS mount_point,
  json_extract(e.value, '$[1]') AS device,
  json_extract(e.value, '$[2]') AS fs_type,
  json_extract(e.value, '$[3]') AS status,
  CAST(json_extract(e.value, '$[4]') AS INTEGER) AS size_bytes,
  CAST(json_extract(e.value, '$[5]') AS INTEGER) AS free_bytes,
  CAST(json_extract(e.value, '$[6]') AS INTEGER) AS available_bytes,
  CAST(json_extract(e.value, '$[7]') AS REAL) AS used_pct,
  CAST(json_extract(e.value, '$[8]') AS INTEGER) AS inodes,
  CAST(json_extract(e.value, '$[9]') AS INTEGER) AS inodes_free,
  CAST(json_extract(e.value, '$[10]') AS REAL) AS inodes_used_pct,
  CAST(json_extract(e.value, '$[11]') AS INTEGER) AS read_only
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.filesystem') e
WHERE p.detail IS NOT NULL;

-- Uptime, context switches, interrupts, forks, file handles, and what the probe itself uses.
CREATE VIEW system_info AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
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
WHERE p.detail IS NOT NULL;

-- Pressure stall information.
CREATE VIEW pressure AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.pressure_cpu_some_pct,
  p.pressure_cpu_some_avg10_pct,
  p.pressure_cpu_full_pct,
  p.pressure_cpu_full_avg10_pct,
  p.pressure_memory_some_pct,
  p.pressure_memory_some_avg10_pct,
  p.pressure_memory_full_pct,
  p.pressure_memory_full_avg10_pct,
  p.pressure_io_some_pct,
  p.pressure_io_some_avg10_pct,
  p.pressure_io_full_pct,
  p.pressure_io_full_avg10_pct,
  p.pressure_irq_full_pct,
  p.pressure_irq_full_avg10_pct
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;

-- Paging and reclaim.
CREATE VIEW vmstat AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
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
WHERE p.detail IS NOT NULL;

-- Sockets, TCP and UDP.
CREATE VIEW sockets AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.sockets_used,
  p.tcp_in_use,
  p.tcp_orphan,
  p.tcp_time_wait,
  p.tcp_allocated,
  p.tcp_memory_bytes,
  p.udp_in_use,
  p.udp_memory_bytes,
  p.tcp6_in_use,
  p.udp6_in_use,
  p.tcp_established,
  p.tcp_active_opens_per_s,
  p.tcp_passive_opens_per_s,
  p.tcp_attempt_fails_per_s,
  p.tcp_established_resets_per_s,
  p.tcp_in_segments_per_s,
  p.tcp_out_segments_per_s,
  p.tcp_retransmitted_segments_per_s,
  p.tcp_in_errors_per_s,
  p.tcp_out_resets_per_s,
  p.udp_in_datagrams_per_s,
  p.udp_out_datagrams_per_s,
  p.udp_no_ports_per_s,
  p.udp_in_errors_per_s,
  p.udp_receive_buffer_errors_per_s,
  p.udp_send_buffer_errors_per_s,
  p.tcp_listen_overflows_per_s,
  p.tcp_listen_drops_per_s,
  p.tcp_timeouts_per_s,
  p.tcp_syn_retransmits_per_s
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;

-- Processes by state; asked for only when configured.
CREATE VIEW process_states AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.processes_running,
  p.processes_sleeping,
  p.processes_uninterruptible,
  p.processes_zombie,
  p.processes_stopped,
  p.processes_idle,
  p.processes_other,
  p.threads
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;

-- The largest processes: a row each; asked for only when configured.
CREATE VIEW process AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  json_extract(e.value, '$[0]') AS pid,
  json_extract(e.value, '$[1]') AS comm,
  json_extract(e.value, '$[2]') AS state,
  CAST(json_extract(e.value, '$[3]') AS REAL) AS cpu_pct,
  CAST(json_extract(e.value, '$[4]') AS INTEGER) AS rss_bytes,
  CAST(json_extract(e.value, '$[5]') AS INTEGER) AS threads
FROM poll p JOIN host h ON h.id = p.host_id, json_each(p.detail, '$.process') e
WHERE p.detail IS NOT NULL;

-- Host-wide figures of what repeats: all cores, interfaces, disks and mounts together.
CREATE VIEW host_totals AS
SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour,
  p.cpu_busy_pct,
  p.cpu_user_pct,
  p.cpu_nice_pct,
  p.cpu_system_pct,
  p.cpu_idle_pct,
  p.cpu_iowait_pct,
  p.cpu_irq_pct,
  p.cpu_softirq_pct,
  p.cpu_steal_pct,
  p.cpu_guest_pct,
  p.cpu_guest_nice_pct,
  p.cpus_online,
  p.net_rx_bytes_per_s,
  p.net_rx_packets_per_s,
  p.net_rx_errors_per_s,
  p.net_rx_dropped_per_s,
  p.net_tx_bytes_per_s,
  p.net_tx_packets_per_s,
  p.net_tx_errors_per_s,
  p.net_tx_dropped_per_s,
  p.disk_reads_per_s,
  p.disk_writes_per_s,
  p.disk_read_bytes_per_s,
  p.disk_written_bytes_per_s,
  p.disk_busy_max_pct,
  p.fs_used_max_pct,
  p.fs_inodes_used_max_pct,
  p.fs_mounts,
  p.fs_hung,
  p.fs_read_only
FROM poll p JOIN host h ON h.id = p.host_id
WHERE p.detail IS NOT NULL;
