//! What the server itself has to say of a probe's answer: of what it did not take over.

use super::{Family, FamilyReport, Snapshot, Status};
use crate::text::one_line;

/// The longest error text of a family, bytes: the contract's own limit.
pub const MAX_REPORT_BYTES: usize = 512;

/// Of it, for the server's own words, so that a probe's text cannot crowd them out, bytes.
const OWN_BYTES: usize = 240;

impl Snapshot {
    /// Says where sums go by names. An older probe, or one that sees no sysfs, does not tell what is
    /// physical: that is no fault, and to be seen in its reports.
    pub fn say_what_goes_by_names(&mut self) {
        let told = [
            (Family::Network, self.interfaces.has_layers()),
            (Family::Disk, self.disks.has_layers()),
        ];
        for (family, _) in told.into_iter().filter(|(_, told)| !told) {
            let report = self.reports.iter_mut().find(|report| report.family == family);
            if let Some(report) = report.filter(|report| report.status == Status::Ok) {
                "the kernel does not tell what is physical: sums go by names"
                    .clone_into(&mut report.error);
            }
        }
    }

    /// Says in a family's report what was not taken over of it; one that was well, or was not
    /// reported, has `status` from then on. The probe's own words come first.
    pub fn amend(&mut self, family: Family, status: Status, words: &str) {
        let words = one_line(words, OWN_BYTES);
        let Some(report) = self.reports.iter_mut().find(|report| report.family == family) else {
            self.reports.push(FamilyReport { family, status, spent_us: 0, error: words });
            return;
        };
        if !report.status.is_fault() {
            report.status = status;
        }
        report.error = if report.error.is_empty() {
            words
        } else {
            let room = MAX_REPORT_BYTES - words.len() - "; ".len();
            format!("{}; {words}", one_line(&report.error, room))
        };
    }
}
