//! How settings are declared: one line for each makes its type, how it is read, and what `roundsman check` and
//! the documented example say of it.

use figment::value::Value;

use super::setting_type::written;

/// What there is to know about a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingInfo {
    /// `section.key` as in the file.
    pub key: &'static str,
    /// What it means, in the lines of the documented example; each begins with a space.
    pub doc: &'static [&'static str],
    pub(super) expected: fn() -> String,
    pub(super) default: fn() -> Value,
}

impl SettingInfo {
    /// What a value must be, in words: the type and its limits.
    #[must_use]
    pub fn expected(&self) -> String {
        (self.expected)()
    }

    /// Whether it takes several values: an array, or one text with commas.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.default_value().as_array().is_some()
    }

    /// The default as it would stand in the file: `"2s"`, `256`.
    #[must_use]
    pub fn default(&self) -> String {
        written(&self.default_value())
    }

    /// The default as a source would give it.
    pub(super) fn default_value(&self) -> Value {
        (self.default)()
    }

    /// The variable that sets it: `ROUNDSMAN_POLL__IN_FLIGHT` for `poll.in_flight`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.replace('.', "__").to_uppercase())
    }
}

/// What the names of our variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "ROUNDSMAN_";

/// Declares the keys of a section, each with its type, default and limits.
macro_rules! keys {
    ($Section:ident $prefix:literal: $(
        $key:ident: $Type:ty = $default:expr $(, $least:expr => $most:expr)?;
    )*) => {
        impl $Section {
            $(
                pub(super) fn $key() -> Setting<$Type> {
                    Setting {
                        key: concat!($prefix, stringify!($key)),
                        default: $default,
                        limits: [$( ($least, $most) )?].into_iter().next(),
                    }
                }
            )*
        }
    };
}

/// Declares the configuration: `key: type = default, least => most;`, with the limits where there are
/// any. What follows `+` is no setting: it is filled in from others.
macro_rules! configuration {
    (
        $( #[doc = $config_doc:literal] )* $Config:ident {
            $( $( #[doc = $top_doc:literal] )* $top:ident: $Top:ty = $top_default:expr; )*
        }
        $(
            $( #[doc = $about:literal] )* $( #[derive($Copy:ident)] )?
            $section:ident $prefix:literal: $Section:ident {
                $(
                    $( #[doc = $doc:literal] )*
                    $key:ident: $Type:ty = $default:expr $(, $least:expr => $most:expr)?;
                )*
            } $( + { $( $( #[doc = $filled_doc:literal] )* $filled:ident: $Filled:ty; )* } )?
        )*
    ) => {
        $( #[doc = $config_doc] )*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $Config {
            $( $( #[doc = $top_doc] )* pub $top: $Top, )*
            $( $( #[doc = $about] )* pub $section: $Section, )*
        }

        keys! { $Config "": $( $top: $Top = $top_default; )* }

        impl $Config {
            /// Takes every setting out of the sources.
            pub(super) fn read(read: &mut Reader<'_>) -> Self {
                Self {
                    $( $top: read.get(Self::$top()), )*
                    $( $section: $Section {
                        $( $key: read.get($Section::$key()), )*
                        $( $( $filled: Default::default(), )* )?
                    }, )*
                }
            }
        }

        $(
            $( #[doc = $about] )*
            #[derive(Debug, Clone, PartialEq, Eq $(, $Copy)?)]
            pub struct $Section {
                $( $( #[doc = $doc] )* pub $key: $Type, )*
                $( $( $( #[doc = $filled_doc] )* pub $filled: $Filled, )* )?
            }

            keys! { $Section $prefix: $( $key: $Type = $default $(, $least => $most)?; )* }
        )*

        /// Every setting, in the order of the file.
        pub const SETTINGS: &[SettingInfo] = &[
            $( info!($Config "": $top $( $top_doc )*), )*
            $( $( info!($Section $prefix: $key $( $doc )*), )* )*
        ];
    };
}

macro_rules! info {
    ($Section:ident $prefix:literal: $key:ident $( $doc:literal )*) => {
        SettingInfo {
            key: concat!($prefix, stringify!($key)),
            doc: &[$( $doc ),*],
            expected: || $Section::$key().expected(),
            default: || $Section::$key().default.value(),
        }
    };
}
