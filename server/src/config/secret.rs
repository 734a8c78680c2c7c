//! A value that is never shown.

use std::{
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use roundsman_os::file::{self, FileError};
use serde::Deserialize;

/// The largest secret that is read from a file, bytes: a key with its chain, not a disk image.
pub const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where Docker and Podman put secrets, readable for everybody in the container (mode 0444), which
/// has one user.
const MOUNTED: &str = "/run/secrets/";

/// Whether every user of the machine may read a file of a secret (chmod(2), `S_IROTH`).
pub(super) fn is_open(path: &Path) -> bool {
    !path.starts_with(MOUNTED)
        && std::fs::metadata(path).is_ok_and(|stat| stat.permissions().mode() & 0o004 != 0)
}

/// What stands in place of a secret.
const MASK: &str = "***";

/// A password, token or key. `Debug` and `Display` give `***`, and nothing serialises it; the one way
/// to its text is [`Secret::expose`], which is easy to search for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "Written")]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, to hand to whatever asks for the password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads a secret from a file, as Docker and Kubernetes mount them. One line end at the end is
    /// the editor's, not the secret's.
    ///
    /// # Errors
    /// The file cannot be read, is larger than [`MAX_SECRET_BYTES`], is not UTF-8 or is empty.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let text = file::read_text(path, MAX_SECRET_BYTES)
            .map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return Err(SecretError::Empty { path: path.to_owned() });
        }
        Ok(Self::new(line))
    }

    /// The secret of a pair of settings `key` and `key_file`, of which one at most may be given.
    ///
    /// # Errors
    /// Both are given, or the file is not a secret (see [`Secret::read`]).
    pub fn resolve(
        key: &'static str,
        inline: Option<Self>,
        file: Option<&Path>,
    ) -> Result<Option<Self>, SecretError> {
        match (inline, file) {
            (Some(_), Some(_)) => Err(SecretError::Twice { key }),
            (Some(secret), None) => Ok(Some(secret)),
            (None, Some(path)) => Self::read(path).map(Some),
            (None, None) => Ok(None),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What a secret can stand as: text, or a whole number where it was typed by its looks. A number with a
/// point would not come back digit for digit.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(i64),
}

impl From<Written> for Secret {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self(text),
            Written::Number(number) => Self(number.to_string()),
        }
    }
}

/// Why there is no secret. Names the file or the key, never the text.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Missing, not readable by this user, not UTF-8, or larger than [`MAX_SECRET_BYTES`].
    #[error("{}: the secret cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FileError,
    },
    /// Nothing in it.
    #[error("{}: expected a secret, found an empty file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Given in two ways.
    #[error("{key} and {key}_file are both given: keep one")]
    Twice {
        /// The setting.
        key: &'static str,
    },
}

/// `scheme://user:password@host` with the password out of sight; any other text as it is. A URL is
/// the one place where people put a secret into a value that is not one.
pub(super) fn mask_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    // The last `@` before the path: a password may hold one.
    let end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@').or_else(|| rest.rfind('@')) else {
        return text.to_owned();
    };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        password: Secret,
    }

    #[test]
    fn a_secret_is_never_shown() {
        let holder = Holder { password: Secret::new("hunter2") };
        let shown = [format!("{holder:?}"), format!("{holder:#?}"), holder.password.to_string()];
        for text in shown {
            assert!(!text.contains("hunter2") && text.contains("***"), "{text}");
        }
        assert_eq!(holder.password.expose(), "hunter2");
    }

    #[test]
    fn a_string_or_a_whole_number() {
        let read = |text: &str| toml::from_str::<Holder>(text).map(|h| h.password);
        assert_eq!(read("password = \"x y\"").unwrap(), Secret::new("x y"));
        assert_eq!(read("password = 123456").unwrap(), Secret::new("123456"));
        assert_eq!(read("password = -5").unwrap(), Secret::new("-5"));
        for bad in ["password = 12.34", "password = true", "password = [1]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        // The message of a refused one does not show it either, apart from the source line.
        let error = read("password = 12.34").unwrap_err();
        assert!(!error.message().contains("12.34"), "{}", error.message());
    }

    #[test]
    fn figment_types_a_password_of_digits_as_a_number_and_it_is_one_still() {
        let figment = figment::Figment::new().merge(("password", 987_654_u64));
        assert_eq!(figment.extract::<Holder>().unwrap().password, Secret::new("987654"));
    }

    #[test]
    fn from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert_eq!(Secret::read(&file("a", b"pass word\n")).unwrap().expose(), "pass word");
        assert_eq!(Secret::read(&file("b", b"two\nlines\r\n")).unwrap().expose(), "two\nlines");
        assert_eq!(Secret::read(&file("c", b" kept ")).unwrap().expose(), " kept ");
        let error = |path: &Path| {
            let error = Secret::read(path).unwrap_err();
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}").replace(&dir.path().display().to_string(), "DIR")
        };
        let large = vec![b'x'; usize::try_from(MAX_SECRET_BYTES).unwrap() + 1];
        assert_eq!(
            error(&file("d", &large)),
            "DIR/d: the secret cannot be read: expected at most 65536 bytes, found 65537"
        );
        assert_eq!(error(&file("e", b"\n")), "DIR/e: expected a secret, found an empty file");
        assert_eq!(
            error(&file("f", b"\xff\xfe")),
            "DIR/f: the secret cannot be read: expected text in UTF-8"
        );
        assert_eq!(
            error(&dir.path().join("none")),
            "DIR/none: the secret cannot be read: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn one_of_two_ways() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "from a file\n").unwrap();
        let resolve = |inline: Option<&str>, file| {
            Secret::resolve("store.password", inline.map(Secret::new), file)
        };
        assert_eq!(resolve(None, None).unwrap(), None);
        assert_eq!(resolve(Some("x"), None).unwrap(), Some(Secret::new("x")));
        assert_eq!(resolve(None, Some(&path)).unwrap(), Some(Secret::new("from a file")));
        assert_eq!(
            resolve(Some("x"), Some(&path)).unwrap_err().to_string(),
            "store.password and store.password_file are both given: keep one"
        );
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let cases = [
            ("mysql://root:hunter2@db:3306/x", "mysql://root:***@db:3306/x"),
            ("mysql://root:hun@ter2@db/x", "mysql://root:***@db/x"),
            ("mysql://root:hun/ter2@db/x", "mysql://root:***@db/x"),
            ("mysql://root@db/x", "mysql://root@db/x"),
            ("mysql://db/x", "mysql://db/x"),
            ("sqlite:a@b:c", "sqlite:a@b:c"),
        ];
        for (url, shown) in cases {
            assert_eq!(mask_url(url), shown);
        }
    }
}
