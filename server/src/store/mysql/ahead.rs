//! Which partitions are known to be there, and the making of those that are not.

use std::{collections::BTreeSet, sync::PoisonError, time::Duration};

use chrono::NaiveDate;
use mysql_async::{Row, prelude::Queryable as _};

use super::{
    Shared,
    cells::RowReader,
    connect::within,
    moment, months,
    partitions::{self, PartitionedTable},
    seal_boundary::{self, Hold, SealBoundary},
};
use crate::{store::StoreError, units::WallMs};

/// Days that are remembered to have their partitions.
const REMEMBERED_DAYS: usize = 64;

/// Whether a poll is from about now.
fn is_near(newest: WallMs, now: WallMs) -> bool {
    let apart = now.since(newest).max(newest.since(now));
    apart <= Duration::from_secs(partitions::FUTURE_DAYS * 24 * 3600)
}

impl Shared {
    pub(super) fn days(&self) -> std::sync::MutexGuard<'_, BTreeSet<NaiveDate>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the partitions of these days, unless it is known that they are there.
    pub(super) async fn ensure(&self, days: BTreeSet<NaiveDate>) -> Result<(), StoreError> {
        if days.is_subset(&self.days()) {
            return Ok(());
        }
        let boundary = within(self.pools.limits.call, self.boundary()).await?;
        // A day that is wholly sealed has no rows in `poll` any more; late ones are sealed.
        let open = |day: &&NaiveDate| {
            moment::day(boundary.before).is_none_or(|sealed| partitions::next(**day) > sealed)
        };
        let open = days.iter().filter(open).copied().collect();
        for (table, days) in [(PartitionedTable::Poll, &open), (PartitionedTable::PollHour, &days)]
        {
            if let Some(gone) = partitions::ensure(&self.pools, table, days).await? {
                return Err(gone.refusal());
            }
        }
        let mut known = self.days();
        known.extend(days);
        while known.len() > REMEMBERED_DAYS {
            known.pop_first();
        }
        Ok(())
    }

    pub(super) fn months(&self) -> std::sync::MutexGuard<'_, BTreeSet<NaiveDate>> {
        self.months.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the partitions of these months, unless it is known that they are there.
    pub(super) async fn ensure_months(
        &self,
        months: BTreeSet<NaiveDate>,
    ) -> Result<(), StoreError> {
        if months.is_subset(&self.months()) {
            return Ok(());
        }
        months::ensure(&self.pools, &months).await?;
        *self.months() = months;
        Ok(())
    }

    async fn newest(&self) -> Result<Option<WallMs>, StoreError> {
        let mut conn = self.pools.reader().await?;
        let row: Option<Row> = conn
            .exec_first("SELECT MAX(newest) FROM poll_day", ())
            .await
            .map_err(self.pools.place.fault("read its newest poll"))?;
        let newest =
            row.map(|row| RowReader::new(row, &self.pools.place, "its newest poll").moment(0));
        newest.transpose().map(Option::flatten)
    }

    pub(super) async fn boundary(&self) -> Result<SealBoundary, StoreError> {
        let mut conn = self.pools.reader().await?;
        seal_boundary::read(&mut conn, Hold::No, &self.pools.place).await
    }

    /// Makes the partitions of the coming days and months; none when this machine's clock is far from
    /// the newest poll: it may be wrong, and those of rows that come are made as they come.
    pub(super) async fn make_ahead(&self) -> Result<(), StoreError> {
        let now = self.clock.now().wall;
        let newest = within(self.pools.limits.call, self.newest()).await?;
        if let Some(newest) = newest.filter(|newest| !is_near(*newest, now)) {
            tracing::warn!(%newest, "no partitions are made ahead: the newest poll is far from now");
            return Ok(());
        }
        months::ensure(&self.pools, &months::ahead(now)).await?;
        self.months().clear();
        let days = partitions::ahead(now);
        for table in [PartitionedTable::Poll, PartitionedTable::PollHour] {
            partitions::ensure(&self.pools, table, &days).await?;
        }
        // Looked up anew when they are used: somebody may have dropped one.
        self.days().clear();
        Ok(())
    }
}
