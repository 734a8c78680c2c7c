//! What a channel of kind `email` needs beside what all have.

use crate::{
    document::{Findings, Section, quoted},
    text::did_you_mean,
};

/// The most recipients of one channel; each gets a mail of its own.
pub const MAX_RECIPIENTS: usize = 50;

/// The longest address, bytes (RFC 5321, 4.5.3.1).
pub const MAX_ADDRESS_BYTES: usize = 254;

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Asked for in the clear, and required.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    Off,
}

/// A mail server, from whom and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Name or address of the server, an IPv6 one without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is encrypted.
    pub tls: Tls,
    /// Who sends: `Roundsman <roundsman@example.org>`.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who signs in; the password is the channel's token.
    pub user: Option<String>,
    /// What the server calls itself to the mail server; none is the name of the machine.
    pub hello: Option<String>,
}

impl Mail {
    /// Reads it; none when something is wrong or missing, which is noted.
    pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Self> {
        let tls = tls(section, findings);
        let server = server(section, findings, tls);
        let from = section
            .text("from", ADDRESS, findings)
            .and_then(|text| address("from", text.value, text.at, findings));
        let to = recipients(section, findings);
        let user = section.text("user", "a user's name", findings);
        let password =
            ["password_file", "password_env"].into_iter().find_map(|key| section.at(key));
        match (&user, password) {
            (Some(user), None) => {
                let words = "a `user` needs a password: `password_file` or `password_env`";
                findings.add(user.at, words);
            }
            (None, Some(at)) => findings.add(at, "a password needs a `user`"),
            _ => {}
        }
        if let (Some(user), Tls::Off) = (&user, tls) {
            let words =
                "with `tls = \"off\"` a password would be sent in the clear: leave `user` out";
            findings.add(user.at, words);
        }
        let hello = section.text("hello", "the name of this server", findings);
        if let Some(hello) = hello
            && (hello.value.is_empty() || hello.value.contains(|c: char| !c.is_ascii_graphic()))
        {
            findings
                .add(hello.at, format!("`hello` must be a DNS name, not {}", quoted(hello.value)));
        }
        let (host, port) = server?;
        Some(Self {
            host,
            port,
            tls,
            from: from?,
            to: to?,
            user: user.map(|user| user.value.to_owned()),
            hello: hello.map(|hello| hello.value.to_owned()),
        })
    }
}

const ADDRESS: &str = "a mail address such as \"ops@example.org\" or \"Ops <ops@example.org>\"";

/// A plain check: what is between the angles has one `@` and nothing that is not seen.
fn address(key: &str, text: &str, at: usize, findings: &mut Findings<'_>) -> Option<String> {
    let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(text);
    let is_good = inner.len() <= MAX_ADDRESS_BYTES
        && text.len() <= 2 * MAX_ADDRESS_BYTES
        && !text.contains(char::is_control)
        && !inner.contains(|c: char| c.is_whitespace() || "<>,;".contains(c))
        && inner.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
    if !is_good {
        findings.add(at, format!("`{key}` must be {ADDRESS}, not {}", quoted(text)));
        return None;
    }
    Some(text.to_owned())
}

fn recipients(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    let list = section.texts("to", "a list of mail addresses", findings)?;
    if list.value.is_empty() || list.value.len() > MAX_RECIPIENTS {
        findings.add(list.at, format!("`to` names 1 to {MAX_RECIPIENTS} recipients"));
        return None;
    }
    let all = list.value.iter().map(|text| address("to", text.value, text.at, findings));
    // Each is looked at, so that each that is wrong is noted.
    let all: Vec<Option<String>> = all.collect();
    all.into_iter().collect()
}

fn tls(section: &Section<'_>, findings: &mut Findings<'_>) -> Tls {
    const WORDS: [&str; 3] = ["starttls", "implicit", "off"];
    let expected = "\"starttls\", \"implicit\" or \"off\"";
    let Some(text) = section.text("tls", expected, findings) else { return Tls::Starttls };
    match text.value {
        "starttls" => Tls::Starttls,
        "implicit" => Tls::Implicit,
        "off" => Tls::Off,
        other => {
            let hint = did_you_mean(other, WORDS);
            findings.add(text.at, format!("`tls` must be {expected}, not {}{hint}", quoted(other)));
            Tls::Starttls
        }
    }
}

/// `host:port`; without a port the usual one (RFC 6409, RFC 8314).
fn server(section: &Section<'_>, findings: &mut Findings<'_>, tls: Tls) -> Option<(String, u16)> {
    const EXPECTED: &str = "the name or address of a mail server, \"mail.example.org:587\"";
    let text = section.text("server", EXPECTED, findings)?;
    let usual = match tls {
        Tls::Starttls => 587,
        Tls::Implicit => 465,
        Tls::Off => 25,
    };
    let authority: Option<http::uri::Authority> = text.value.parse().ok();
    let found = authority.filter(|authority| !authority.as_str().contains('@')).and_then(|found| {
        let host = found.host();
        let rest = found.as_str().strip_prefix(host)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => usual,
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (!host.is_empty()).then(|| (host.to_owned(), port))
    });
    if found.is_none() {
        findings.add(text.at, format!("`server` must be {EXPECTED}, not {}", quoted(text.value)));
    }
    found
}
