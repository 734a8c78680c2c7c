//! Closed lists of words: enums whose entries stand in tables, JSON and configuration by name.

/// Makes an enum whose entries each have one word, the same in SQL, JSON, metrics and messages.
macro_rules! words {
    ($(#[$meta:meta])* $Name:ident { $( $(#[doc = $doc:literal])* $Variant:ident = $word:literal; )* }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $Name { $( $(#[doc = $doc])* $Variant, )* }

        impl $Name {
            /// Every word of the list.
            pub const ALL: &'static [Self] = &[$( Self::$Variant, )*];

            /// The word that stands in the tables and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )* }
            }

            /// The entry with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$Variant), )* _ => None }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use words;
