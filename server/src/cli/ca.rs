//! `roundsman ca`: an authority of one's own, whose certificates say which host a probe is and who may ask it.
//! Works on files alone; no server takes part.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use roundsman_pki::authority::{
    Authority, AuthorityError, DAY_S, DAYS, Done, Issued, MAX_DAYS, SERVER,
};
use serde::Serialize;

use super::{CliError, Runtime, output::plural, parse, targets};
use crate::{model::HostName, units::WallMs};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman ca init                       the authority, and the server's own certificate, in ca/
  roundsman ca issue web-01 web-02        a folder for each, such as ca/hosts/web-01
  roundsman ca issue                      for every host of the inventory
  scp -p ca/hosts/web-01/* web-01:/etc/roundsman-probe/
  roundsman ca renew                      all that end within 30 days; keys stay
  roundsman ca revoke web-01              then copy crl.pem to whom it concerns";

/// Certificates that end within so many days are renewed.
const RENEWED_DAYS: usize = 30;

/// Milliseconds of a second.
const S_MS: i64 = 1_000;

/// Flags of `ca`.
#[derive(Debug, Args)]
pub(super) struct CaArgs {
    #[command(subcommand)]
    command: CaCommand,
    /// Directory of the authority; its key is in there, so keep it where few may look
    #[arg(long, global = true, value_name = "DIR", default_value = "ca")]
    dir: PathBuf,
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    /// Make an authority, and the certificate that the server shows to probes
    Init(Validity),
    /// Issue certificates; those that are valid stay as they are
    Issue {
        /// Names of hosts as in the inventory, or roundsman:server [default: every host of the
        /// inventory]
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
        #[command(flatten)]
        validity: Validity,
    },
    /// Issue certificates anew for the keys that are there; a running probe or server reads them by itself
    Renew {
        /// Names of hosts, or roundsman:server [default: all that end soon]
        #[arg(value_name = "HOST")]
        hosts: Vec<String>,
        /// Without names: those that end within so many days
        #[arg(long, value_name = "DAYS", default_value_t = RENEWED_DAYS, value_parser = days())]
        within: usize,
        #[command(flatten)]
        validity: Validity,
    },
    /// List certificates: name, serial number, end, days left, whether revoked
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Revoke every certificate of a host, or of roundsman:server, and write crl.pem
    Revoke {
        /// Its name
        #[arg(value_name = "HOST")]
        host: String,
    },
}

/// How long what is issued is valid.
#[derive(Debug, Args)]
struct Validity {
    /// Days that certificates are valid, 1 to 825
    #[arg(long, value_name = "DAYS", default_value_t = whole(DAYS), value_parser = days())]
    days: usize,
}

impl Validity {
    fn days(&self) -> u32 {
        u32::try_from(self.days).unwrap_or(DAYS)
    }
}

fn whole(days: u32) -> usize {
    usize::try_from(days).unwrap_or(usize::MAX)
}

fn days() -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    parse::count(whole(MAX_DAYS))
}

/// A certificate as it is listed.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    serial: &'a str,
    until: WallMs,
    days_left: i64,
    revoked: bool,
}

impl From<AuthorityError> for CliError {
    fn from(error: AuthorityError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does it, and says what was done and what comes next.
pub(super) fn run(args: &CaArgs, runtime: &Runtime) -> Result<(), CliError> {
    let now = runtime.now().0 / S_MS;
    let dir = &args.dir;
    let text = match &args.command {
        CaCommand::Init(validity) => {
            let authority = Authority::init(dir, validity.days(), now)?;
            let own = authority.folder(SERVER);
            format!(
                "made the authority {} and the server's certificate {}\nnext: roundsman ca issue HOST...\n",
                dir.join("ca.pem").display(),
                own.join("server.pem").display(),
            )
        }
        CaCommand::Issue { hosts, validity } => {
            let names = if hosts.is_empty() { of_inventory(runtime)? } else { checked(hosts)? };
            let mut authority = Authority::open(dir)?;
            issue(&mut authority, &names, validity.days(), now)?
        }
        CaCommand::Renew { hosts, within, validity } => {
            let mut authority = Authority::open(dir)?;
            let soon = now + i64::try_from(*within).unwrap_or(i64::MAX / DAY_S) * DAY_S;
            let names = if hosts.is_empty() { ending(&authority, soon) } else { checked(hosts)? };
            for name in &names {
                authority.renew(name, validity.days(), now)?;
            }
            match names.len() {
                0 => "nothing to renew: no certificate ends so soon\n".to_owned(),
                some => {
                    let count = plural(some, "certificate");
                    format!("renewed {count}; copy each .pem beside the key that it is for\n")
                }
            }
        }
        CaCommand::List { json } => return list(&Authority::open(dir)?, *json, runtime, now),
        CaCommand::Revoke { host } => {
            let name = checked(std::slice::from_ref(host))?.swap_remove(0);
            let count = Authority::open(dir)?.revoke(&name, now)?;
            let (count, list) = (plural(count, "certificate"), dir.join("crl.pem"));
            let whom = if name == SERVER { "every probe" } else { "the server" };
            format!("revoked {count} of {name}; copy {} to {whom}\n", list.display())
        }
    };
    runtime.output.show(&text)
}

fn issue(
    authority: &mut Authority,
    names: &[String],
    days: u32,
    now: i64,
) -> Result<String, CliError> {
    let mut text = String::new();
    for name in names {
        let done = authority.issue(name, days, now)?;
        let word = match done {
            Done::Issued(_) => "issued",
            Done::Kept(_) => "kept, it is valid:",
        };
        text.push_str(&format!("{word} {}\n", authority.folder(name).display()));
    }
    if names.iter().any(|name| name == SERVER) {
        text.push_str(
            "next: name its files in the inventory, as cert, key and ca; a running server reads what \
             changes by itself\n",
        );
    }
    if names.iter().any(|name| name != SERVER) {
        text.push_str(
            "next: copy a host's folder to it, and start its probe with --tls-cert probe.pem \
             --tls-key probe.key --client-ca ca.pem --client-crl crl.pem\n",
        );
    }
    Ok(text)
}

fn list(authority: &Authority, json: bool, runtime: &Runtime, now: i64) -> Result<(), CliError> {
    let all = authority.list();
    let listed = all.values().map(|issued: &&Issued| Listed {
        name: &issued.name,
        serial: &issued.serial,
        until: WallMs(issued.until * S_MS),
        days_left: (issued.until - now).div_euclid(DAY_S),
        revoked: issued.revoked.is_some(),
    });
    if json {
        return runtime.output.json(&listed.collect::<Vec<_>>());
    }
    let rows = listed.map(|listed| {
        let Listed { name, serial, until, days_left, revoked } = listed;
        let state = match (revoked, days_left) {
            (true, _) => "revoked",
            (false, ..0) => "ended",
            (false, _) => "valid",
        };
        let until = runtime.output.moment(until);
        [name.to_owned(), serial.to_owned(), until, days_left.to_string(), state.to_owned()]
    });
    let header = ["NAME", "SERIAL", "UNTIL", "DAYS LEFT", "STATE"];
    runtime.output.show(&runtime.output.table(&header, rows))
}

/// Those that end by then, and are not revoked.
fn ending(authority: &Authority, by: i64) -> Vec<String> {
    let all = authority.list();
    let soon = all.values().filter(|issued| issued.revoked.is_none() && issued.until <= by);
    soon.map(|issued| issued.name.clone()).collect()
}

fn of_inventory(runtime: &Runtime) -> Result<Vec<String>, CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let inventory = targets::read(&config.inventory)?;
    Ok(inventory.hosts.keys().map(ToString::to_string).collect())
}

fn checked(names: &[String]) -> Result<Vec<String>, CliError> {
    let check = |name: &String| {
        let checked = HostName::new(name);
        checked.map(|name| name.to_string()).map_err(|e| CliError::Usage(format!("{name:?}: {e}")))
    };
    names.iter().map(check).collect()
}
