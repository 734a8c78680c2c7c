//! Which labels the series of a kind have, in the order that remote_write wants: by name.

use super::wire::put_label;
use crate::exposition::SampleKind;

/// The label that names a metric.
pub(super) const NAME: &str = "__name__";

/// The label of a host's group.
pub(super) const GROUP: &str = "group";

/// Where a label of a series comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum LabelOf {
    /// The same for all of the kind: its place in [`LabelPlan::fixed`].
    Kind(usize),
    /// The host's name.
    Host,
    /// The host's group, where it says one.
    Group,
    /// One of its row's.
    Row(usize),
}

/// The labels of a kind's series.
#[derive(Debug, Clone)]
pub(super) struct LabelPlan {
    pub(super) kind: SampleKind,
    /// Names and values, and both as remote_write 1.0 has them.
    pub(super) fixed: Vec<(&'static str, &'static str, Vec<u8>)>,
    /// By name.
    pub(super) order: Vec<LabelOf>,
}

impl LabelPlan {
    /// Of this kind, where the label that names a host is called so.
    pub(super) fn new(kind: SampleKind, host: &'static str) -> Self {
        let fixed: Vec<_> = std::iter::once((NAME, kind.name()))
            .chain(kind.labels())
            .map(|(name, value)| {
                let mut label = Vec::new();
                put_label(&mut label, name, value);
                (name, value, label)
            })
            .collect();
        let of_kind = fixed.iter().enumerate().map(|(at, fixed)| (fixed.0, LabelOf::Kind(at)));
        let of_row =
            kind.row_labels().iter().enumerate().map(|(at, name)| (*name, LabelOf::Row(at)));
        let mut named: Vec<(&str, LabelOf)> =
            of_kind.chain([(host, LabelOf::Host), (GROUP, LabelOf::Group)]).chain(of_row).collect();
        named.sort_by_key(|(name, _)| *name);
        Self { kind, order: named.into_iter().map(|(_, of)| of).collect(), fixed }
    }
}
