//! A server whose configuration and `init_connect` are against everything that the store relies on.

use super::*;

/// Both servers.
const EVERYWHERE: [&str; 59] = [
    "autocommit = 0",
    "completion_type = 'CHAIN'",
    "sql_auto_is_null = 1",
    "sql_safe_updates = 1",
    "sql_big_selects = 0",
    "max_join_size = 1",
    "sql_select_limit = 1",
    "unique_checks = 0",
    "foreign_key_checks = 0",
    "max_sort_length = 64",
    "div_precision_increment = 0",
    "group_concat_max_len = 4",
    "net_read_timeout = 1",
    "net_write_timeout = 1",
    "lock_wait_timeout = 1",
    "innodb_lock_wait_timeout = 1",
    "innodb_strict_mode = 0",
    "sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,PAD_CHAR_TO_FULL_LENGTH'",
    "time_zone = '+05:30'",
    "lc_time_names = 'de_DE'",
    "default_week_format = 3",
    "max_allowed_packet = 1048576",
    "sql_quote_show_create = 0",
    "explicit_defaults_for_timestamp = 0",
    "default_storage_engine = 'MEMORY'",
    "character_set_server = 'latin1'",
    "character_set_client = 'latin1'",
    "low_priority_updates = 1",
    "updatable_views_with_limit = 0",
    "optimizer_switch = 'derived_merge=off,index_merge=off,mrr=off'",
    "wait_timeout = 1",
    "interactive_timeout = 1",
    "net_buffer_length = 1024",
    "sort_buffer_size = 32768",
    "join_buffer_size = 128",
    "read_buffer_size = 8192",
    "read_rnd_buffer_size = 1",
    "tmp_table_size = 1024",
    "max_heap_table_size = 16384",
    "big_tables = 1",
    "max_length_for_sort_data = 4",
    "max_error_count = 0",
    "max_seeks_for_key = 1",
    "eq_range_index_dive_limit = 1",
    "optimizer_search_depth = 1",
    "optimizer_prune_level = 0",
    "sql_buffer_result = 1",
    "sql_notes = 0",
    "sql_warnings = 1",
    "default_tmp_storage_engine = 'MyISAM'",
    "binlog_row_image = 'MINIMAL'",
    "collation_server = 'latin1_german1_ci'",
    "lc_messages = 'de_DE'",
    "session_track_schema = 1",
    "session_track_state_change = 1",
    "session_track_system_variables = '*'",
    "session_track_transaction_info = 'CHARACTERISTICS'",
    "max_sp_recursion_depth = 0",
    "init_connect = 'SET autocommit = 0, sql_safe_updates = 1, sql_select_limit = 2, \
     time_zone = \"+03:00\"'",
];

const MARIADB: [&str; 24] = [
    "check_constraint_checks = 0",
    "alter_algorithm = 'INSTANT'",
    "old_mode = 'ZERO_DATE_TIME_CAST'",
    "in_predicate_conversion_threshold = 2",
    "sql_mode = 'ORACLE,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
    "sql_if_exists = 1",
    "old_alter_table = 1",
    "idle_transaction_timeout = 1",
    "idle_write_transaction_timeout = 1",
    "idle_readonly_transaction_timeout = 1",
    "tmp_disk_table_size = 1024",
    "tmp_memory_table_size = 0",
    "wsrep_dirty_reads = 1",
    "innodb_snapshot_isolation = 1",
    "optimizer_max_sel_args = 1",
    "optimizer_max_sel_arg_weight = 1",
    "optimizer_use_condition_selectivity = 1",
    "use_stat_tables = 'NEVER'",
    "join_cache_level = 0",
    "default_regex_flags = 'EXTENDED'",
    "standard_compliant_cte = 0",
    "max_recursive_iterations = 0",
    "system_versioning_alter_history = 'KEEP'",
    "histogram_size = 0",
];

const MYSQL: [&str; 16] = [
    "sql_require_primary_key = 1",
    "old_alter_table = 1",
    "sql_generate_invisible_primary_key = 1",
    "optimizer_switch = 'derived_condition_pushdown=off'",
    "default_collation_for_utf8mb4 = 'utf8mb4_general_ci'",
    "range_optimizer_max_mem_size = 1",
    "internal_tmp_mem_storage_engine = 'MEMORY'",
    "cte_max_recursion_depth = 0",
    "windowing_use_high_precision = 0",
    "print_identified_with_as_hex = 1",
    "session_track_gtids = 'ALL_GTIDS'",
    "binlog_row_value_options = 'PARTIAL_JSON'",
    "binlog_rows_query_log_events = 1",
    "end_markers_in_json = 1",
    "explain_format = 'TREE'",
    "select_into_buffer_size = 8192",
];

async fn port() -> u16 {
    static SERVER: tokio::sync::OnceCell<Mutex<Mariadbd>> = tokio::sync::OnceCell::const_new();
    let server = SERVER.get_or_init(|| async {
        let server = Mariadbd::start(&FLAGS);
        let mut root = conn(server.port(), None).await;
        let own: &[&str] = if mariadbd::mysqld().is_some() { &MYSQL } else { &MARIADB };
        for against in EVERYWHERE {
            root.query_drop(format!("SET GLOBAL {against}")).await.unwrap();
        }
        for against in own {
            match root.query_drop(format!("SET GLOBAL {against}")).await {
                // Not every release has it.
                Err(error) if fault::is_unknown_variable(&error) => {}
                other => other.unwrap(),
            }
        }
        let last = "SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY";
        root.query_drop(last).await.unwrap();
        Mutex::new(server)
    });
    server.await.lock().unwrap().port()
}

impl Database {
    /// On that server, as a user for whom it runs its `init_connect`.
    async fn hostile() -> Self {
        let port = port().await;
        let database = new_database(port).await;
        let how = format!("IDENTIFIED BY '{PASSWORD}'");
        let options = user(port, &database, &format!("user_{database}"), &how).await;
        // Sizes of files are seen with it alone; init_connect is passed over with other privileges.
        let process = format!("GRANT PROCESS ON *.* TO {}@'127.0.0.1'", options.url.user);
        conn(port, None).await.query_drop(process).await.unwrap();
        let clock = standing_clock();
        let store = Mysql::open(options.clone(), Mode::ReadWrite, clock.clone()).await.unwrap();
        Self { store, options, clock }
    }
}

conformance::suite!(Database::hostile().await);

/// More than the server takes at once: the writer parts what is refused as it is.
#[tokio::test]
async fn a_packet_that_the_server_does_not_take_is_refused_as_its_rows() {
    let database = Database::hostile().await;
    let mut conn = database.store.shared.pools.writer("test").await.unwrap();
    let large = "x".repeat(2 << 20);
    let error = conn.exec_drop("SELECT LENGTH(?)", (large,)).await.unwrap_err();
    let place = &database.store.shared.pools.place;
    let error = place.row_fault("test", || "a row".to_owned(), error);
    assert!(matches!(error, StoreError::BadRow { .. }), "{}", error.with_causes());
}
