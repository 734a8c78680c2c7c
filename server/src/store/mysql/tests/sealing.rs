//! Polls that are sealed: the same answers, whenever sealing happens and however it ends.

mod answers;
mod endings;
mod meanwhile;
mod partitions;

use super::*;
use crate::store::conformance::sealing::{at, check, everything, fleet, poll_at};

async fn count(database: &Database, sql: &str) -> i64 {
    database.rows(sql).await[0]["n"].as_i64().unwrap()
}
