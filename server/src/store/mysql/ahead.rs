//! Which partitions are known to be there, and the making of those that are not.

use std::{collections::BTreeSet, sync::PoisonError};

use chrono::NaiveDate;

use super::{
    Shared,
    connect::within,
    moment, months,
    partitions::{self, Table},
    seam::{self, Hold, Seam},
};
use crate::store::StoreError;

/// Days that are remembered to have their partitions.
const REMEMBERED_DAYS: usize = 64;

impl Shared {
    pub(super) fn days(&self) -> std::sync::MutexGuard<'_, BTreeSet<NaiveDate>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the partitions of these days, unless it is known that they are there.
    pub(super) async fn ensure(&self, days: BTreeSet<NaiveDate>) -> Result<(), StoreError> {
        if days.is_subset(&self.days()) {
            return Ok(());
        }
        let seam = within(self.doors.limits.call, self.seam()).await?;
        // A day that is wholly sealed has no rows in `poll` any more; late ones are sealed.
        let open = |day: &&NaiveDate| {
            moment::day(seam.before).is_none_or(|sealed| partitions::next(**day) > sealed)
        };
        let open = days.iter().filter(open).copied().collect();
        for (table, days) in [(Table::Poll, &open), (Table::PollHour, &days)] {
            if let Some(gone) = partitions::ensure(&self.doors, table, days).await? {
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
        months::ensure(&self.doors, &months).await?;
        *self.months() = months;
        Ok(())
    }

    pub(super) async fn seam(&self) -> Result<Seam, StoreError> {
        let mut conn = self.doors.reader().await?;
        seam::read(&mut conn, Hold::No, &self.doors.place).await
    }

    /// Makes the partitions of the coming days and months.
    pub(super) async fn make_ahead(&self) -> Result<(), StoreError> {
        months::ensure(&self.doors, &months::ahead(self.clock.now().wall)).await?;
        self.months().clear();
        let days = partitions::ahead(self.clock.now().wall);
        for table in [Table::Poll, Table::PollHour] {
            partitions::ensure(&self.doors, table, &days).await?;
        }
        // Looked up anew when they are used: somebody may have dropped one.
        self.days().clear();
        Ok(())
    }
}
