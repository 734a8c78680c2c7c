-- The tables of the embedded store.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z (`*_ms`); steps of a poll are microseconds
-- (`*_us`). NULL is unknown, never 0. Every value column carries its unit at its end.

-- One row per host that ever was in the inventory.
CREATE TABLE host (
  id            INTEGER PRIMARY KEY AUTOINCREMENT, -- never given to another host
  name          TEXT    NOT NULL UNIQUE,
  group_name    TEXT,                              -- NULL: in no group
  labels        TEXT    NOT NULL,                  -- JSON object
  addresses     TEXT    NOT NULL,                  -- JSON array of "host:port"
  listed_at_ms  INTEGER NOT NULL,                  -- when it (last) came into the inventory
  retired_at_ms INTEGER,                           -- when it left; NULL: it is in
  state         TEXT,                              -- after the last transition
  state_since_ms INTEGER,
  first_seen_ms INTEGER,                           -- first and last answer
  last_seen_ms  INTEGER,
  facts_at_ms   INTEGER,                           -- when the facts below were true
  machine_id    TEXT,                              -- the machine this host is pinned to
  boot_id       TEXT,
  hostname      TEXT,
  kernel        TEXT,
  os            TEXT,
  architecture  TEXT,
  probe_version TEXT,
  cpus          INTEGER
) STRICT;

-- What was loaded when.
CREATE TABLE inventory_version (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  loaded_at_ms INTEGER NOT NULL,
  hash         TEXT    NOT NULL,                   -- of the content
  source       TEXT    NOT NULL,                   -- the file
  hosts        INTEGER NOT NULL,                   -- hosts after expansion
  content      TEXT    NOT NULL
) STRICT;

-- One row per change of a host's state.
CREATE TABLE event (
  id         INTEGER PRIMARY KEY,
  host_id    INTEGER NOT NULL,
  at_ms      INTEGER NOT NULL,
  from_state TEXT    NOT NULL,
  to_state   TEXT    NOT NULL,
  host_name  TEXT    NOT NULL,                     -- its name when it happened
  cause      TEXT    NOT NULL,
  outcome    TEXT,                                 -- of the poll that caused it
  reason     TEXT    NOT NULL,
  UNIQUE (host_id, at_ms, from_state, to_state)    -- sent twice, kept once
) STRICT;

CREATE INDEX event_at ON event (at_ms);

-- One row per attempt: ledger and sample in one. A failed attempt has no values; the CHECKs at the
-- end hold that. A rowid table on purpose: rows of 3 to 4 KB are appended in the order of time, at
-- a third of the CPU and half of the bytes written of a table ordered by host (WITHOUT ROWID).
CREATE TABLE poll (
  host_id       INTEGER NOT NULL,
  slot_ms       INTEGER NOT NULL,                  -- when the poll was due
  started_ms    INTEGER NOT NULL,                  -- when it was begun
  inventory_id  INTEGER NOT NULL,                  -- the inventory in force
  outcome       TEXT    NOT NULL,
  state         TEXT    NOT NULL,                  -- the host's state after it
  late_us       INTEGER NOT NULL,                  -- begun so long after it was due
  queue_us      INTEGER NOT NULL,                  -- waited for the limit of polls in flight
  resolve_us    INTEGER,
  connect_us    INTEGER,
  call_us       INTEGER,
  answer_bytes  INTEGER,
  address       TEXT,
  error         TEXT,
  boot_id       TEXT,
  clock_skew_ms INTEGER,                           -- the probe's clock less the server's
  -- load
  load_1 REAL,
  load_5 REAL,
  load_15 REAL,
  load_runnable_tasks INTEGER,
  load_total_tasks INTEGER,
  -- cpu
  cpu_busy_pct REAL,
  cpu_user_pct REAL,
  cpu_nice_pct REAL,
  cpu_system_pct REAL,
  cpu_idle_pct REAL,
  cpu_iowait_pct REAL,
  cpu_irq_pct REAL,
  cpu_softirq_pct REAL,
  cpu_steal_pct REAL,
  cpu_guest_pct REAL,
  cpu_guest_nice_pct REAL,
  cpus_online INTEGER,
  -- memory
  mem_used_pct REAL,
  mem_total_bytes INTEGER,
  mem_free_bytes INTEGER,
  mem_available_bytes INTEGER,
  mem_buffers_bytes INTEGER,
  mem_cached_bytes INTEGER,
  mem_swap_cached_bytes INTEGER,
  mem_active_bytes INTEGER,
  mem_inactive_bytes INTEGER,
  mem_active_anon_bytes INTEGER,
  mem_inactive_anon_bytes INTEGER,
  mem_active_file_bytes INTEGER,
  mem_inactive_file_bytes INTEGER,
  mem_dirty_bytes INTEGER,
  mem_writeback_bytes INTEGER,
  mem_anon_pages_bytes INTEGER,
  mem_mapped_bytes INTEGER,
  mem_k_reclaimable_bytes INTEGER,
  mem_s_reclaimable_bytes INTEGER,
  mem_s_unreclaim_bytes INTEGER,
  mem_shmem_bytes INTEGER,
  mem_slab_bytes INTEGER,
  mem_kernel_stack_bytes INTEGER,
  mem_page_tables_bytes INTEGER,
  mem_commit_limit_bytes INTEGER,
  mem_committed_as_bytes INTEGER,
  mem_unevictable_bytes INTEGER,
  mem_mlocked_bytes INTEGER,
  mem_anon_huge_pages_bytes INTEGER,
  mem_hardware_corrupted_bytes INTEGER,
  swap_total_bytes INTEGER,
  swap_free_bytes INTEGER,
  swap_used_pct REAL,
  huge_pages_total INTEGER,
  huge_pages_free INTEGER,
  huge_pages_reserved INTEGER,
  huge_pages_surplus INTEGER,
  huge_page_size_bytes INTEGER,
  -- network
  net_rx_bytes_per_s REAL,
  net_rx_packets_per_s REAL,
  net_rx_errors_per_s REAL,
  net_rx_dropped_per_s REAL,
  net_tx_bytes_per_s REAL,
  net_tx_packets_per_s REAL,
  net_tx_errors_per_s REAL,
  net_tx_dropped_per_s REAL,
  -- disk
  disk_reads_per_s REAL,
  disk_writes_per_s REAL,
  disk_read_bytes_per_s REAL,
  disk_written_bytes_per_s REAL,
  disk_busy_max_pct REAL,
  -- filesystem
  fs_used_max_pct REAL,
  fs_inodes_used_max_pct REAL,
  fs_mounts INTEGER,
  fs_hung INTEGER,
  fs_read_only INTEGER,
  -- system
  uptime_s REAL,
  boot_time_s INTEGER,
  context_switches_per_s REAL,
  interrupts_per_s REAL,
  softirqs_per_s REAL,
  forks_per_s REAL,
  procs_running INTEGER,
  procs_blocked INTEGER,
  file_handles INTEGER,
  file_handles_max INTEGER,
  entropy_bits INTEGER,
  -- pressure
  pressure_cpu_some_pct REAL,
  pressure_cpu_some_avg10_pct REAL,
  pressure_cpu_full_pct REAL,
  pressure_cpu_full_avg10_pct REAL,
  pressure_memory_some_pct REAL,
  pressure_memory_some_avg10_pct REAL,
  pressure_memory_full_pct REAL,
  pressure_memory_full_avg10_pct REAL,
  pressure_io_some_pct REAL,
  pressure_io_some_avg10_pct REAL,
  pressure_io_full_pct REAL,
  pressure_io_full_avg10_pct REAL,
  pressure_irq_full_pct REAL,
  pressure_irq_full_avg10_pct REAL,
  -- vmstat
  page_faults_per_s REAL,
  major_page_faults_per_s REAL,
  paged_in_bytes_per_s REAL,
  paged_out_bytes_per_s REAL,
  swapped_in_pages_per_s REAL,
  swapped_out_pages_per_s REAL,
  scanned_kswapd_pages_per_s REAL,
  scanned_direct_pages_per_s REAL,
  stolen_kswapd_pages_per_s REAL,
  stolen_direct_pages_per_s REAL,
  allocation_stalls_per_s REAL,
  compaction_stalls_per_s REAL,
  oom_kills_per_s REAL,
  refaults_anon_pages_per_s REAL,
  refaults_file_pages_per_s REAL,
  -- sockets
  sockets_used INTEGER,
  tcp_in_use INTEGER,
  tcp_orphan INTEGER,
  tcp_time_wait INTEGER,
  tcp_allocated INTEGER,
  tcp_memory_bytes INTEGER,
  udp_in_use INTEGER,
  udp_memory_bytes INTEGER,
  tcp6_in_use INTEGER,
  udp6_in_use INTEGER,
  tcp_established INTEGER,
  tcp_active_opens_per_s REAL,
  tcp_passive_opens_per_s REAL,
  tcp_attempt_fails_per_s REAL,
  tcp_established_resets_per_s REAL,
  tcp_in_segments_per_s REAL,
  tcp_out_segments_per_s REAL,
  tcp_retransmitted_segments_per_s REAL,
  tcp_in_errors_per_s REAL,
  tcp_out_resets_per_s REAL,
  udp_in_datagrams_per_s REAL,
  udp_out_datagrams_per_s REAL,
  udp_no_ports_per_s REAL,
  udp_in_errors_per_s REAL,
  udp_receive_buffer_errors_per_s REAL,
  udp_send_buffer_errors_per_s REAL,
  tcp_listen_overflows_per_s REAL,
  tcp_listen_drops_per_s REAL,
  tcp_timeouts_per_s REAL,
  tcp_syn_retransmits_per_s REAL,
  -- processes
  processes_running INTEGER,
  processes_sleeping INTEGER,
  processes_uninterruptible INTEGER,
  processes_zombie INTEGER,
  processes_stopped INTEGER,
  processes_idle INTEGER,
  processes_other INTEGER,
  threads INTEGER,
  -- system
  probe_cpu_pct REAL,
  probe_rss_bytes INTEGER,
  probe_collect_us INTEGER,
  -- What repeats, JSON: rows as arrays, the texts that name a row first, then its values in the
  -- order of the views. {"core":[["0",1.2,...],...],"softirq":...,"net":...,"disk":...,
  -- "filesystem":...,"process":...}
  detail        TEXT,
  PRIMARY KEY (host_id, slot_ms),
  CHECK ((detail IS NOT NULL) = (outcome IN ('ok', 'partial'))),
  CHECK (detail IS NOT NULL OR coalesce(
    load_1, load_5, load_15, load_runnable_tasks, load_total_tasks, cpu_busy_pct,
    cpu_user_pct, cpu_nice_pct, cpu_system_pct, cpu_idle_pct, cpu_iowait_pct, cpu_irq_pct,
    cpu_softirq_pct, cpu_steal_pct, cpu_guest_pct, cpu_guest_nice_pct, cpus_online,
    mem_used_pct, mem_total_bytes, mem_free_bytes, mem_available_bytes, mem_buffers_bytes,
    mem_cached_bytes, mem_swap_cached_bytes, mem_active_bytes, mem_inactive_bytes,
    mem_active_anon_bytes, mem_inactive_anon_bytes, mem_active_file_bytes,
    mem_inactive_file_bytes, mem_dirty_bytes, mem_writeback_bytes, mem_anon_pages_bytes,
    mem_mapped_bytes, mem_k_reclaimable_bytes, mem_s_reclaimable_bytes,
    mem_s_unreclaim_bytes, mem_shmem_bytes, mem_slab_bytes, mem_kernel_stack_bytes,
    mem_page_tables_bytes, mem_commit_limit_bytes, mem_committed_as_bytes,
    mem_unevictable_bytes, mem_mlocked_bytes, mem_anon_huge_pages_bytes,
    mem_hardware_corrupted_bytes, swap_total_bytes, swap_free_bytes, swap_used_pct,
    huge_pages_total, huge_pages_free, huge_pages_reserved, huge_pages_surplus,
    huge_page_size_bytes, net_rx_bytes_per_s, net_rx_packets_per_s, net_rx_errors_per_s,
    net_rx_dropped_per_s, net_tx_bytes_per_s, net_tx_packets_per_s, net_tx_errors_per_s,
    net_tx_dropped_per_s, disk_reads_per_s, disk_writes_per_s, disk_read_bytes_per_s,
    disk_written_bytes_per_s, disk_busy_max_pct, fs_used_max_pct, fs_inodes_used_max_pct,
    fs_mounts, fs_hung, fs_read_only, uptime_s, boot_time_s, context_switches_per_s,
    interrupts_per_s, softirqs_per_s, forks_per_s, procs_running, procs_blocked,
    file_handles, file_handles_max, entropy_bits, pressure_cpu_some_pct,
    pressure_cpu_some_avg10_pct, pressure_cpu_full_pct, pressure_cpu_full_avg10_pct,
    pressure_memory_some_pct, pressure_memory_some_avg10_pct
  ) IS NULL),
  CHECK (detail IS NOT NULL OR coalesce(
    pressure_memory_full_pct, pressure_memory_full_avg10_pct, pressure_io_some_pct,
    pressure_io_some_avg10_pct, pressure_io_full_pct, pressure_io_full_avg10_pct,
    pressure_irq_full_pct, pressure_irq_full_avg10_pct, page_faults_per_s,
    major_page_faults_per_s, paged_in_bytes_per_s, paged_out_bytes_per_s,
    swapped_in_pages_per_s, swapped_out_pages_per_s, scanned_kswapd_pages_per_s,
    scanned_direct_pages_per_s, stolen_kswapd_pages_per_s, stolen_direct_pages_per_s,
    allocation_stalls_per_s, compaction_stalls_per_s, oom_kills_per_s,
    refaults_anon_pages_per_s, refaults_file_pages_per_s, sockets_used, tcp_in_use,
    tcp_orphan, tcp_time_wait, tcp_allocated, tcp_memory_bytes, udp_in_use,
    udp_memory_bytes, tcp6_in_use, udp6_in_use, tcp_established, tcp_active_opens_per_s,
    tcp_passive_opens_per_s, tcp_attempt_fails_per_s, tcp_established_resets_per_s,
    tcp_in_segments_per_s, tcp_out_segments_per_s, tcp_retransmitted_segments_per_s,
    tcp_in_errors_per_s, tcp_out_resets_per_s, udp_in_datagrams_per_s,
    udp_out_datagrams_per_s, udp_no_ports_per_s, udp_in_errors_per_s,
    udp_receive_buffer_errors_per_s, udp_send_buffer_errors_per_s,
    tcp_listen_overflows_per_s, tcp_listen_drops_per_s, tcp_timeouts_per_s,
    tcp_syn_retransmits_per_s, processes_running, processes_sleeping,
    processes_uninterruptible, processes_zombie, processes_stopped, processes_idle,
    processes_other, threads, probe_cpu_pct, probe_rss_bytes, probe_collect_us
  ) IS NULL)
) STRICT;
