//! What is counted of readings that are sent elsewhere.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::Metrics;

/// Why samples were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportLoss {
    /// The receiver refused them.
    Refused,
    /// Too much waited.
    Full,
    /// Their file was damaged, or taken away.
    Damaged,
    /// They waited for a receiver of another protocol.
    Unfit,
}

impl EncodeLabelValue for ExportLoss {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Refused => "refused",
            Self::Full => "full",
            Self::Damaged => "damaged",
            Self::Unfit => "unfit",
        }
        .encode(encoder)
    }
}

/// The label of why samples were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExportLossLabel {
    /// Why.
    pub reason: ExportLoss,
}

impl Metrics {
    pub(super) fn register_export(&self) {
        let Ok(mut registry) = self.registry.lock() else { return };
        registry.register(
            "export_samples_dropped",
            "Samples that the export's receiver was not sent or did not keep, by reason",
            self.export_dropped.clone(),
        );
        for (name, help, counter) in [
            ("export_samples_sent", "Samples that the export's receiver took", &self.export_sent),
            ("export_retries", "Requests of the export that are sent again", &self.export_retries),
            (
                "export_polls_missed",
                "Polls that were not exported: too many at once, or a clock was set back",
                &self.export_polls_missed,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            (
                "export_waiting_bytes",
                "Packed requests that wait for the export's receiver",
                &self.export_waiting_bytes,
            ),
            (
                "export_oldest_seconds",
                "Age of the oldest of them; 0: none waits",
                &self.export_oldest,
            ),
            (
                "export_last_success_timestamp_seconds",
                "When the export's receiver last took something; 0: not since the start",
                &self.export_last_success,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }
}
