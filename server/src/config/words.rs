//! Settings that are one of a few words.

use super::setting_type::TextSetting;

macro_rules! words {
    ($(#[doc = $doc:literal])* $Name:ident, $expected:literal {
        $( $(#[doc = $variant_doc:literal])* $Variant:ident = $word:literal; )*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name { $( $(#[doc = $variant_doc])* $Variant, )* }

        impl $Name {
            /// The word that stands in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )* }
            }
        }

        impl TextSetting for $Name {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Option<Self> {
                match text { $( $word => Some(Self::$Variant), )* _ => None }
            }

            fn show(&self) -> String {
                self.as_str().to_owned()
            }
        }
    };
}

words! {
    /// How important a log line is.
    LogLevel, "one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"" {
        /// Something that needs somebody.
        Error = "error";
        /// Something that may.
        Warn = "warn";
        /// What happened.
        Info = "info";
        /// How it happened.
        Debug = "debug";
        /// Everything.
        Trace = "trace";
    }
}

words! {
    /// What a log line looks like.
    LogFormat, "one of \"text\", \"json\"" {
        /// For people.
        Text = "text";
        /// For machines, one object per line.
        Json = "json";
    }
}

words! {
    /// What is spoken to the receiver of readings.
    ExportProtocol, "one of \"remote_write\", \"remote_write_2\", \"otlp\"" {
        /// Prometheus' remote_write 1.0.
        RemoteWrite = "remote_write";
        /// The same, 2.0.
        RemoteWrite2 = "remote_write_2";
        /// OpenTelemetry's metrics over HTTP.
        Otlp = "otlp";
    }
}

words! {
    /// Whose names metrics have that are sent.
    ExportNames, "one of \"roundsman\", \"node\"" {
        /// Roundsman's own.
        Roundsman = "roundsman";
        /// node_exporter's.
        Node = "node";
    }
}

words! {
    /// Whether a connection is encrypted.
    TlsMode, "one of \"off\", \"verify-ca\", \"required\"" {
        /// It is not.
        Off = "off";
        /// It is, with a certificate that an authority of ours signed, whatever name it bears; or there
        /// is none.
        VerifyCa = "verify-ca";
        /// It is, with a certificate that is checked with its name, or there is none.
        Required = "required";
    }
}

impl TlsMode {
    /// What is wrong with a file of authorities, or with having none.
    pub(super) fn unfit(self, has_authorities: bool) -> Option<&'static str> {
        match (self, has_authorities) {
            (Self::Off, true) => Some("is of no use while store.tls is \"off\""),
            // Public authorities sign for everybody, so without its name what they signed proves nothing.
            (Self::VerifyCa, false) => Some("is needed while store.tls is \"verify-ca\""),
            _ => None,
        }
    }
}
