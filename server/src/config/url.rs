//! Where polls are kept: a file, or a database of a server; and how a URL is shown.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::{Path, PathBuf},
};

use super::setting_type::TextSetting;

/// Where polls are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A database of a MySQL or MariaDB server.
    Mysql(MysqlUrl),
}

/// A database of MySQL or MariaDB servers, without the password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MysqlUrl {
    /// Who logs in.
    pub user: String,
    /// Its servers, in the order in which they are tried: one, or up to nine.
    pub addresses: Vec<MysqlAddress>,
    /// The database.
    pub database: String,
}

/// One of the servers of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MysqlAddress {
    /// Name or IP address, an IPv6 one without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The port of MySQL where the URL names none.
const MYSQL_PORT: u16 = 3306;

/// Servers that a URL names at most: nine are the most of a group in MySQL, and one of them writes.
pub(super) const MAX_ADDRESSES: usize = 9;

/// What is a name, a user or a database and cannot be taken for another part of the URL.
fn is_plain(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@/?#%,".contains(c);
    !text.is_empty() && !text.contains(odd)
}

impl MysqlAddress {
    fn read(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(MYSQL_PORT), str::parse).ok()?;
        (is_plain(host) && port != 0).then(|| Self { host: host.to_owned(), port })
    }
}

impl MysqlAddress {
    /// Whether it is this machine as it is written: `localhost`, or an address of loopback. Another name
    /// may stand for any machine by the time that it is looked up.
    fn is_here(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        ip.map_or_else(
            |_| self.host.eq_ignore_ascii_case("localhost"),
            |ip| ip.to_canonical().is_loopback(),
        )
    }
}

impl fmt::Display for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl MysqlUrl {
    /// Reads what follows `mysql://`. A password in it is refused: it would stand in process lists
    /// and in files that are not kept secret.
    fn read(rest: &str) -> Option<Self> {
        let (user, rest) = rest.split_once('@')?;
        let (addresses, database) = rest.split_once('/')?;
        let addresses =
            addresses.split(',').map(MysqlAddress::read).collect::<Option<Vec<MysqlAddress>>>()?;
        let fits = is_plain(user) && !user.contains(':') && is_plain(database);
        (fits && addresses.len() <= MAX_ADDRESSES).then(|| Self {
            user: user.to_owned(),
            addresses,
            database: database.to_owned(),
        })
    }
}

impl fmt::Display for MysqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mysql://{}@", self.user)?;
        for (number, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if number == 0 { "" } else { "," })?;
        }
        write!(f, "/{}", self.database)
    }
}

impl StoreUrl {
    /// Reads a URL as it is shown; none when it is none.
    #[must_use]
    pub fn parse(shown: &str) -> Option<Self> {
        Self::read(shown)
    }

    /// The first of its servers that is on another machine; none of a file.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&MysqlAddress> {
        match self {
            Self::Sqlite(_) => None,
            Self::Mysql(url) => url.addresses.iter().find(|address| !address.is_here()),
        }
    }

    /// Whether both are of the same store as far as that can be told: the same file, or a database that
    /// has a server in both. A server that died is taken out of the list, another one is added.
    #[must_use]
    pub fn is_same_store(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mysql(one), Self::Mysql(other)) => {
                let is_in_both = |address| other.addresses.contains(address);
                one.database == other.database && one.addresses.iter().any(is_in_both)
            }
            _ => self == other,
        }
    }

    /// Takes a relative path under `data`.
    pub(super) fn under(&mut self, data: &Path) {
        if let Self::Sqlite(path) = self {
            *path = data.join(&path);
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

impl TextSetting for StoreUrl {
    const EXPECTED: &'static str = "\"sqlite:\" and the path of a file, or \"mysql://user@host:3306/database\" (up to 9 servers of one database: \"mysql://user@a:3306,b:3306/database\") with the password in store.password_file";

    fn read(text: &str) -> Option<Self> {
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

    #[test]
    fn store_urls() {
        let file = |path: &str| Some(StoreUrl::Sqlite(path.into()));
        assert_eq!(StoreUrl::read("sqlite:a.db"), file("a.db"));
        assert_eq!(StoreUrl::read("sqlite:/var/a.db"), file("/var/a.db"));
        assert_eq!(StoreUrl::read("sqlite:///var/a.db"), file("/var/a.db"));
        let servers = |all: &[(&str, u16)]| {
            let address =
                |(host, port): &(&str, u16)| MysqlAddress { host: (*host).into(), port: *port };
            Some(StoreUrl::Mysql(MysqlUrl {
                user: "u".into(),
                addresses: all.iter().map(address).collect(),
                database: "d".into(),
            }))
        };
        let server = |host, port| servers(&[(host, port)]);
        let nine = |port: u16| {
            let all: Vec<String> = (1..=port).map(|port| format!("h:{port}")).collect();
            format!("mysql://u@{}/d", all.join(","))
        };
        for (given, read, shown) in [
            ("mysql://u@db/d", server("db", 3306), "mysql://u@db:3306/d"),
            ("mysql://u@10.0.0.1:3307/d", server("10.0.0.1", 3307), "mysql://u@10.0.0.1:3307/d"),
            ("mysql://u@[::1]/d", server("::1", 3306), "mysql://u@[::1]:3306/d"),
            ("mysql://u@[::1]:3307/d", server("::1", 3307), "mysql://u@[::1]:3307/d"),
            (
                "mysql://u@a:3307,[::1]:3308,10.0.0.1,[::2]/d",
                servers(&[("a", 3307), ("::1", 3308), ("10.0.0.1", 3306), ("::2", 3306)]),
                "mysql://u@a:3307,[::1]:3308,10.0.0.1:3306,[::2]:3306/d",
            ),
            (&nine(9), servers(&(1..=9).map(|port| ("h", port)).collect::<Vec<_>>()), &nine(9)),
        ] {
            assert_eq!(StoreUrl::read(given), read, "{given}");
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
            "mysql://u@a,/d",
            "mysql://u@,a/d",
            "mysql://u@a, b/d",
            "mysql://u@a:1:2/d",
            "mysql://u@a,b/d,e",
            "mysql://u@a/d,mysql://u@b/d",
            &nine(10),
        ];
        for bad in bad {
            assert_eq!(StoreUrl::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_server_is_on_this_machine_where_its_address_says_so() {
        let elsewhere = |servers: &str| {
            let url = StoreUrl::read(&format!("mysql://u@{servers}/d")).unwrap();
            url.elsewhere().map(ToString::to_string)
        };
        for here in ["127.0.0.1", "127.9.9.9:1", "[::1]", "[::ffff:127.0.0.1]:1", "LocalHost"] {
            assert_eq!(elsewhere(here), None, "{here}");
        }
        // A name stands for what somebody else says.
        for there in ["10.0.0.1", "[::ffff:10.0.0.1]", "[fe80::1]", "db", "localhost.example.org"] {
            assert_eq!(elsewhere(there), Some(format!("{there}:3306")), "{there}");
        }
        assert_eq!(elsewhere("localhost,db:1,c:2").as_deref(), Some("db:1"));
        assert_eq!(StoreUrl::Sqlite("a.db".into()).elsewhere(), None);
    }
}
