//! What each figure is called, and what it means, in the words of `/metrics`. A counter's name ends in
//! `_total` there (OpenMetrics 1.0, 5.1.1).

use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;

impl Metrics {
    pub(super) fn register_polling(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register(
            "leader",
            "1 where this server polls, 0 where it is a standby of another one",
            self.leader.clone(),
        );
        registry.register("polls", "Polls ended, by outcome", self.polls.clone());
        registry.register(
            "slot_lateness_seconds",
            "How late polls were begun",
            self.lateness.clone(),
        );
        registry.register(
            "poll_queue_seconds",
            "How long polls waited for the limit of polls in flight",
            self.queued.clone(),
        );
        registry.register("poll_call_seconds", "How long calls took", self.call.clone());
        registry.register(
            "slots_missed",
            "Slots skipped because their moment had passed",
            self.missed_slots.clone(),
        );
        registry.register(
            "slots_backed_off",
            "Slots passed over because the host is down and was left alone",
            self.backed_off.clone(),
        );
        registry.register(
            "isolated",
            "1 while most hosts are silent at once and the server considers itself cut off",
            self.isolated.clone(),
        );
        registry.register(
            "clock_steps",
            "Steps of the server's wall clock, by their direction",
            self.clock_steps.clone(),
        );
        registry.register(
            "hosts_unpolled",
            "Hosts whose last poll could not be made for want of the server's own means",
            self.unpolled.clone(),
        );
        registry.register("rounds", "Rounds opened by the cron scheduler", self.rounds.clone());
        registry.register(
            "rounds_guarded",
            "Rounds opened by the guard because the cron scheduler was silent",
            self.guarded_rounds.clone(),
        );
        registry.register("polls_in_flight", "Polls in flight now", self.in_flight.clone());
        registry.register("hosts", "Hosts by state", self.hosts.clone());
        registry.register(
            "alarms",
            "Alarms that are not ok, by severity and state",
            self.alarms.clone(),
        );
        registry.register(
            "alarm_changes",
            "Changes of alarms, by the state after them",
            self.alarm_changes.clone(),
        );
        registry.register(
            "alert_errors",
            "Files of alert rules that were refused",
            self.alert_errors.clone(),
        );
    }

    pub(super) fn register_keeping(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register(
            "inventory_loads",
            "Inventory versions put in force",
            self.inventory_loads.clone(),
        );
        registry.register(
            "inventory_errors",
            "Inventory files refused",
            self.inventory_errors.clone(),
        );
        registry.register(
            "discovery_failures",
            "Looks at discovered names that showed nothing: no answer, no address",
            self.discovery_failures.clone(),
        );
        registry.register(
            "rows_written",
            "Rows written to the store since the start",
            self.rows_written.clone(),
        );
        registry.register(
            "rows_dropped",
            "Rows lost since the start: queue full, or refused by the store",
            self.rows_dropped.clone(),
        );
        registry.register(
            "rows_lost",
            "Rows lost since the start, by reason",
            self.rows_lost.clone(),
        );
        registry.register(
            "rows_waiting",
            "Rows waiting in memory to be written",
            self.rows_waiting.clone(),
        );
        registry.register(
            "batches_failed",
            "Batches that failed and were tried again, since the start",
            self.batches_failed.clone(),
        );
        registry.register("polls_sealed", "Polls sealed", self.polls_sealed.clone());
        registry.register(
            "seal_failures",
            "Runs of sealing that failed",
            self.seal_failures.clone(),
        );
        registry.register(
            "oldest_unsealed_timestamp_seconds",
            "First hour with polls that are not sealed; 0: none, or the store does not seal",
            self.oldest_unsealed.clone(),
        );
    }

    pub(super) fn register_telling(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        for (name, help, counter) in [
            ("hook_told", "Notices that the hook took", &self.hook_told),
            ("hook_failed", "Tries of the hook that failed", &self.hook_failed),
            (
                "hook_given_up",
                "Notices given up: refused, not taken for a day, or one too many",
                &self.hook_given_up,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "hook_pending",
            "Notices that wait to be told",
            self.hook_pending.clone(),
        );
        registry.register(
            "channel_sent",
            "Messages that each channel took",
            self.channel_sent.clone(),
        );
        registry.register(
            "channel_failed",
            "Tries of each channel that failed",
            self.channel_failed.clone(),
        );
        registry.register(
            "channel_waiting",
            "Messages that each channel has not taken yet",
            self.channel_waiting.clone(),
        );
        registry.register(
            "channel_oldest_seconds",
            "Age of the oldest message that a channel has not taken; 0: there is none",
            self.channel_oldest.clone(),
        );
    }

    pub(super) fn register_spool(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        let mut gauge = |name, help, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("spool_rows", "Rows waiting in the spool on disk", &self.spool_rows);
        gauge("spool_bytes", "Bytes of the rows in the spool", &self.spool_bytes);
        gauge(
            "spool_oldest_seconds",
            "Age of the oldest poll in the spool; 0 when it is empty",
            &self.spool_oldest,
        );
        gauge("spool_up", "1 while the spool takes rows", &self.spool_up);
        let spooled = "Rows that went to the spool since the start";
        registry.register("rows_spooled", spooled, self.rows_spooled.clone());
        let replayed = "Rows of the spool written to the store since the start";
        registry.register("rows_replayed", replayed, self.rows_replayed.clone());
    }

    pub(super) fn register_room(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        for (name, help, gauge) in [
            (
                "history_bytes",
                "Room that the history takes, without what is free inside for new rows",
                &self.history_bytes,
            ),
            (
                "history_limit_bytes",
                "Room that it may take: retention.size, or what its disk leaves; 0: no limit",
                &self.history_limit,
            ),
            (
                "oldest_poll_timestamp_seconds",
                "Slot of the oldest poll that is kept; 0: there is none",
                &self.oldest_poll,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            ("polls_given_up", "Polls given up for want of room", &self.polls_given_up),
            (
                "bytes_given_up",
                "Bytes that giving up history has made free for new rows",
                &self.bytes_given_up,
            ),
            (
                "bytes_given_back",
                "Bytes of the history's file given back to its disk",
                &self.bytes_given_back,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    pub(super) fn register_asking(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        self.faces.register(&mut registry);
        registry.register(
            "http_denied",
            "Requests with a wrong token or password",
            self.http_denied.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Log lines dropped because nobody read standard error",
            self.log_lines_dropped.clone(),
        );
    }
}
