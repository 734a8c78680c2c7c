//! A setting with its type.

use super::setting_type::{SettingType, shown};

/// A setting with its type.
pub(super) struct Setting<T> {
    /// `section.key` as in the file.
    pub(super) key: &'static str,
    /// What it is where no source sets it.
    pub(super) default: T,
    /// Smallest and largest value.
    pub(super) limits: Option<(T, T)>,
}

impl<T: SettingType> Setting<T> {
    /// What a value must be, in words.
    pub(super) fn expected(&self) -> String {
        match &self.limits {
            Some((least, most)) => {
                let (least, most) = (shown(&least.value()), shown(&most.value()));
                format!("{} from {least} to {most}", T::expected())
            }
            None => T::expected(),
        }
    }

    /// Whether a value is within the limits.
    pub(super) fn allows(&self, value: &T) -> bool {
        self.limits.as_ref().is_none_or(|(least, most)| value >= least && value <= most)
    }
}
