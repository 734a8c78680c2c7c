//! Is the database server new enough? Pure.

/// A server's name, its version, and the oldest one that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Release {
    name: &'static str,
    found: (u32, u32, u32),
    oldest: (u32, u32, u32),
}

/// MySQL that hands conditions on to the parts of a UNION: before it each view reads its whole history.
const OLDEST_MYSQL: (u32, u32, u32) = (8, 0, 29);

/// MariaDB that has `JSON_TABLE()`, of which the views are made.
const OLDEST_MARIADB: (u32, u32, u32) = (10, 6, 0);

impl Release {
    /// Of what `VERSION()` says; none where that names no version.
    pub(crate) fn of(version: &str) -> Option<Self> {
        // MariaDB says so to clients that know no first number beyond 5.
        let version = version.strip_prefix("5.5.5-").unwrap_or(version);
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.split('.');
        let mut next = || numbers.next().and_then(|number| number.parse().ok());
        let found = (next()?, next()?, next().unwrap_or_default());
        let (name, oldest) = match version.to_ascii_lowercase().contains("mariadb") {
            true => ("MariaDB", OLDEST_MARIADB),
            false => ("MySQL", OLDEST_MYSQL),
        };
        Some(Self { name, found, oldest })
    }

    /// Whether it is older than will do.
    pub(crate) fn is_too_old(self) -> bool {
        self.found < self.oldest
    }

    /// The oldest that will do, in words.
    pub(crate) fn oldest(self) -> String {
        let (first, second, third) = self.oldest;
        format!("{} {first}.{second}.{third}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_say_them() {
        let cases = [
            ("5.5.5-10.11.6-MariaDB", "MariaDB 10.6.0", false),
            ("10.11.19-MariaDB-0+deb12u1", "MariaDB 10.6.0", false),
            ("11.8.9-MariaDB-4 from Debian", "MariaDB 10.6.0", false),
            ("10.6.0-MariaDB", "MariaDB 10.6.0", false),
            ("10.5.29-MariaDB-log", "MariaDB 10.6.0", true),
            ("5.5.5-10.3.39-mariadb", "MariaDB 10.6.0", true),
            ("9.7.4-2", "MySQL 8.0.29", false),
            ("8.0.29", "MySQL 8.0.29", false),
            ("8.0.28", "MySQL 8.0.29", true),
            ("8.0.28-0ubuntu0.20.04.3", "MySQL 8.0.29", true),
            ("8.4.0-commercial", "MySQL 8.0.29", false),
            ("5.5.5", "MySQL 8.0.29", true),
            ("5.7.44-log", "MySQL 8.0.29", true),
            ("9.8", "MySQL 8.0.29", false),
        ];
        for (version, oldest, is_too_old) in cases {
            let release = Release::of(version).unwrap();
            assert_eq!(
                (release.oldest().as_str(), release.is_too_old()),
                (oldest, is_too_old),
                "{version}"
            );
        }
        for version in ["", "MariaDB", "nine", "9", "-8.0.29", "4294967296.0.1"] {
            assert_eq!(Release::of(version), None, "{version}");
        }
    }
}
