//! Where polls are kept: a file, or a database of a server; and how a URL is shown.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::shape::{Found, Shape};

/// Where polls are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A database of a MySQL or MariaDB server.
    Mysql(MysqlUrl),
}

/// A database of a MySQL or MariaDB server, without the password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MysqlUrl {
    /// Who logs in.
    pub user: String,
    /// Name or IP address of the server, an IPv6 one without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
}

/// The port of MySQL where the URL names none.
const MYSQL_PORT: u16 = 3306;

impl MysqlUrl {
    /// Reads what follows `mysql://`. A password in it is refused: it would stand in process lists
    /// and in files that are not kept secret.
    fn read(rest: &str) -> Option<Self> {
        let (user, rest) = rest.split_once('@')?;
        let (address, database) = rest.split_once('/')?;
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match address.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (address, None),
            },
        };
        let port = port.map_or(Ok(MYSQL_PORT), str::parse).ok()?;
        let plain = |text: &str| {
            let odd = |c: char| c.is_whitespace() || c.is_control() || "@/?#%".contains(c);
            !text.is_empty() && !text.contains(odd)
        };
        let fits = plain(user) && !user.contains(':') && plain(host) && plain(database);
        (fits && port != 0).then(|| Self {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            database: database.to_owned(),
        })
    }
}

impl fmt::Display for MysqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port, database } = self;
        if host.contains(':') {
            write!(f, "mysql://{user}@[{host}]:{port}/{database}")
        } else {
            write!(f, "mysql://{user}@{host}:{port}/{database}")
        }
    }
}

impl StoreUrl {
    /// The same, with a relative path taken under `data`.
    pub(super) fn under(self, data: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(data.join(path)),
            Self::Mysql(url) => Self::Mysql(url),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Mysql(url) => url.fmt(f),
        }
    }
}

impl Shape for StoreUrl {
    const EXPECTED: &'static str = "\"sqlite:\" and the path of a file, or \"mysql://user@host:3306/database\" with the password in store.password_file";

    fn read(found: &Found) -> Option<Self> {
        let text = match found {
            Found::Text(text) => text,
            Found::Whole(_) | Found::List(_) | Found::Other(_) => return None,
        };
        if let Some(rest) = text.strip_prefix("mysql://") {
            return MysqlUrl::read(rest).map(Self::Mysql);
        }
        // `sqlite:///var/lib/x.db` is how other programs write it; `:memory:` would keep nothing.
        let path = text.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let is_file = !path.is_empty() && !path.ends_with('/') && path != ":memory:";
        is_file.then(|| Self::Sqlite(PathBuf::from(path)))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

    #[test]
    fn store_urls() {
        let file = |path: &str| Some(StoreUrl::Sqlite(path.into()));
        assert_eq!(StoreUrl::read(&text("sqlite:a.db")), file("a.db"));
        assert_eq!(StoreUrl::read(&text("sqlite:/var/a.db")), file("/var/a.db"));
        assert_eq!(StoreUrl::read(&text("sqlite:///var/a.db")), file("/var/a.db"));
        let server = |host: &str, port| {
            Some(StoreUrl::Mysql(MysqlUrl {
                user: "u".into(),
                host: host.into(),
                port,
                database: "d".into(),
            }))
        };
        for (given, read, shown) in [
            ("mysql://u@db/d", server("db", 3306), "mysql://u@db:3306/d"),
            ("mysql://u@10.0.0.1:3307/d", server("10.0.0.1", 3307), "mysql://u@10.0.0.1:3307/d"),
            ("mysql://u@[::1]/d", server("::1", 3306), "mysql://u@[::1]:3306/d"),
            ("mysql://u@[::1]:3307/d", server("::1", 3307), "mysql://u@[::1]:3307/d"),
        ] {
            assert_eq!(StoreUrl::read(&text(given)), read, "{given}");
            assert_eq!(read.unwrap().to_string(), shown);
        }
        let bad = [
            "",
            "a.db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite:dir/",
            "mysql:x",
            "mysql://db/d",
            "mysql://u@db",
            "mysql://u@db/",
            "mysql://@db/d",
            "mysql://u:p@db/d",
            "mysql://u@/d",
            "mysql://u@db:0/d",
            "mysql://u@db:x/d",
            "mysql://u@db:70000/d",
            "mysql://u@[db]/d",
            "mysql://u@[::1]3306/d",
            "mysql://u@db/d?tls=1",
            "mysql://u@db/a/b",
        ];
        for bad in bad {
            assert_eq!(StoreUrl::read(&text(bad)), None, "{bad}");
        }
    }
}
