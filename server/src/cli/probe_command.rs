//! `roundsman probe-command`: the commands that start the probe of a host. The page's *Add host* shows the
//! same: `server/page/test/recipes.json` holds the two together.

use clap::{Args, ValueEnum};

use super::{CliError, Runtime, targets};
use crate::{
    inventory::{DEFAULT_PORT, Host},
    model::{Address, HostName},
    text::did_you_mean,
};

/// Where a host has its certificate, as docs/security.md puts it.
const FILES: &str = "/etc/roundsman-probe";
/// Who the probe is in its image (docker/probe.Dockerfile).
const IMAGE_USER: u32 = 65532;
/// The files of a probe: how its flags and variables call each, and its name.
const CERTIFICATE: [(&str, &str); 2] = [("tls-cert", "probe.pem"), ("tls-key", "probe.key")];
/// The same, of whom it answers.
const CLIENTS: [(&str, &str); 2] = [("client-ca", "ca.pem"), ("client-crl", "crl.pem")];

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman probe-command web-1                      all ways, with what to do before
  roundsman probe-command web-1 --as container       that command alone
  roundsman probe-command web-1 --as package | ssh root@web-1 sh";

/// Flags of `probe-command`.
#[derive(Debug, Args)]
pub(super) struct ProbeCommandArgs {
    /// A host of the inventory
    #[arg(value_name = "HOST")]
    host: String,
    /// Print the command of this way alone
    #[arg(long = "as", value_name = "WAY")]
    way: Option<Way>,
}

/// How a probe runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// The package, with its unit of systemd
    Package,
    /// The program by itself
    Binary,
    /// A container
    Container,
    /// A service of a swarm: a probe on every node
    Swarm,
}

impl Way {
    const ALL: [Self; 4] = [Self::Package, Self::Binary, Self::Container, Self::Swarm];

    fn title(self) -> &'static str {
        match self {
            Self::Package => {
                "On the host, as root, once the package is installed (docs/packages.md)"
            }
            Self::Binary => "Or the program by itself",
            Self::Container => "Or in a container (docker/build.sh makes the image)",
            Self::Swarm => "Or on every node of a swarm, whose network the server is on",
        }
    }
}

/// What is asked of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Off,
    /// The probe shows a certificate.
    Tls,
    /// Both do.
    Mutual,
}

/// A host as its commands need it.
struct Recipe {
    name: HostName,
    address: Address,
    encryption: Encryption,
}

impl Recipe {
    fn of(host: &Host) -> Option<Self> {
        let encryption = match &host.tls {
            None => Encryption::Off,
            Some(tls) if tls.files.identity.is_none() => Encryption::Tls,
            Some(_) => Encryption::Mutual,
        };
        let address = host.addresses.first()?.clone();
        Some(Self { name: host.name.clone(), address, encryption })
    }

    /// The files that it is started with.
    fn files(&self) -> &'static [(&'static str, &'static str)] {
        const BOTH: [(&str, &str); 4] = [CERTIFICATE[0], CERTIFICATE[1], CLIENTS[0], CLIENTS[1]];
        match self.encryption {
            Encryption::Off => &[],
            Encryption::Tls => &CERTIFICATE,
            Encryption::Mutual => &BOTH,
        }
    }

    /// The host of its address, as a URL has it.
    fn host(&self) -> String {
        match self.address.host.contains(':') {
            true => format!("[{}]", self.address.host),
            false => self.address.host.to_string(),
        }
    }

    /// Any address of the host, of the family that it is asked by.
    fn anywhere(&self) -> String {
        let all = if self.address.host.contains(':') { "[::]" } else { "0.0.0.0" };
        format!("{all}:{}", self.address.port)
    }

    fn is_loopback(&self) -> bool {
        let host = &self.address.host;
        matches!(&**host, "localhost" | "::1") || host.starts_with("127.")
    }

    /// Where it has to be told to listen; none where it does so by itself.
    fn listen(&self) -> Option<String> {
        let is_usual = self.address.port == DEFAULT_PORT;
        match self.encryption {
            Encryption::Off if self.is_loopback() => {
                let host = self.host().replace("localhost", "127.0.0.1");
                (!is_usual).then(|| format!("{host}:{}", self.address.port))
            }
            Encryption::Off => {
                let is_four = !self.address.host.contains(':');
                (!(is_usual && is_four)).then(|| self.anywhere())
            }
            Encryption::Tls | Encryption::Mutual => (!is_usual).then(|| self.anywhere()),
        }
    }

    /// Whether it answers everybody in plain text.
    fn is_open(&self) -> bool {
        self.encryption == Encryption::Off && !self.is_loopback()
    }

    fn command(&self, way: Way) -> String {
        match way {
            Way::Package => self.package(),
            Way::Binary => self.binary(),
            Way::Container => self.container(),
            Way::Swarm => swarm(),
        }
    }

    /// A piece of its unit, and its start.
    fn package(&self) -> String {
        let mut unit = String::new();
        for (_, file) in self.files() {
            unit.push_str(&format!("LoadCredential={file}:{FILES}/{file}\n"));
        }
        let mut set = |name: &str, value: &str| {
            unit.push_str(&format!("Environment=ROUNDSMAN_PROBE_{name}={value}\n"));
        };
        for (flag, file) in self.files() {
            set(&variable(flag), &format!("%d/{file}"));
        }
        if self.is_open() {
            set("OPEN", "true");
        }
        if let Some(listen) = self.listen() {
            set("LISTEN", &listen);
        }
        let start = "systemctl enable roundsman-probe && systemctl restart roundsman-probe";
        if unit.is_empty() {
            return start.to_owned();
        }
        let folder = "/etc/systemd/system/roundsman-probe.service.d";
        format!(
            "mkdir -p {folder}\ncat > {folder}/answers.conf <<'END'\n[Service]\n{unit}END\n\
             systemctl daemon-reload && {start}"
        )
    }

    fn binary(&self) -> String {
        let listen = self.listen().map(|listen| format!("--listen {listen}"));
        if self.encryption == Encryption::Off {
            let open = self.is_open().then(|| "--open".to_owned());
            let words = [Some("roundsman-probe serve".to_owned()), open, listen];
            return words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        }
        let files = self.files().iter().map(|(flag, file)| format!("--{flag} {file}"));
        let files = files.collect::<Vec<_>>().join(" ");
        let words = ["roundsman-probe serve".to_owned(), files].into_iter().chain(listen);
        format!("cd {FILES}\n{}", lines(words))
    }

    fn container(&self) -> String {
        // Who runs in the container must read it, and nobody else.
        let first = match self.encryption {
            Encryption::Off => String::new(),
            Encryption::Tls | Encryption::Mutual => {
                format!("chown {IMAGE_USER} {FILES}/probe.key\n")
            }
        };
        let mut words = vec![
            format!(
                "{first}docker run --detach --name roundsman-probe --publish {}:{DEFAULT_PORT}",
                self.address.port
            ),
            "--volume /proc:/host/proc:ro --volume /:/host:ro".to_owned(),
        ];
        if self.encryption == Encryption::Off {
            words.push("--env ROUNDSMAN_PROBE_OPEN=true".to_owned());
        } else {
            words.push(format!("--volume {FILES}:{FILES}:ro"));
            words.extend(self.files().iter().map(|(flag, file)| {
                format!("--env ROUNDSMAN_PROBE_{}={FILES}/{file}", variable(flag))
            }));
        }
        words.push(
            "--read-only --cap-drop ALL --security-opt no-new-privileges --memory 16m".to_owned(),
        );
        words.push("--restart unless-stopped roundsman-probe:latest".to_owned());
        lines(words)
    }

    /// What is to be done on the machine of the server before.
    fn before(&self) -> Option<String> {
        if self.encryption == Encryption::Off {
            return None;
        }
        let name = shell(self.name.as_str());
        Some(format!(
            "roundsman ca issue {name}\nscp -p ca/hosts/{name}/* {}:{FILES}/",
            shell(&self.host())
        ))
    }

    /// All of it.
    fn text(&self) -> String {
        let how = match self.encryption {
            Encryption::Off if self.is_loopback() => "in plain text, from this machine alone",
            Encryption::Off => {
                "in plain text, for whoever reaches that port: --allow names networks, certificates are \
                 better (docs/security.md)"
            }
            Encryption::Tls => "over TLS, for every client",
            Encryption::Mutual => "over mutual TLS, for this server alone",
        };
        let mut text = format!("{} is asked at {}: {how}.\n", self.name, self.address);
        if let Some(before) = self.before() {
            text.push_str(&format!(
                "\n# Here, in the folder of `roundsman ca init`: its certificate, which has to lie in {FILES} of the \
                 host\n{before}\n"
            ));
        }
        for way in Way::ALL {
            if way == Way::Swarm && self.encryption != Encryption::Off {
                text.push_str(
                    "\n# Or on every node of a swarm, from the source's folder, on a manager\n\
                     ROUNDSMAN_DOCKER_TLS=mtls docker/deploy.sh\n",
                );
                continue;
            }
            text.push_str(&format!("\n# {}\n{}\n", way.title(), self.command(way)));
        }
        text.push_str(&format!("\nThen: roundsman poll {}\n", shell(self.name.as_str())));
        text
    }
}

/// The variable of a flag, without its first words.
fn variable(flag: &str) -> String {
    flag.replace('-', "_").to_uppercase()
}

/// A probe on every node of a swarm, as docker/stack.yml has it.
fn swarm() -> String {
    lines([
        "docker service create --name probe --mode global --endpoint-mode dnsrr --network roundsman"
            .to_owned(),
        "--hostname '{{.Node.Hostname}}'".to_owned(),
        "--mount type=bind,source=/proc,target=/host/proc,readonly".to_owned(),
        "--mount type=bind,source=/,target=/host,readonly".to_owned(),
        "--env ROUNDSMAN_PROBE_OPEN=true --read-only --cap-drop ALL --limit-memory 16M".to_owned(),
        "--update-order start-first roundsman-probe:latest".to_owned(),
    ])
}

fn lines(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().collect::<Vec<_>>().join(" \\\n  ")
}

/// A word for a shell: as it is, or in quotes.
fn shell(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Prints the commands.
pub(super) fn run(args: &ProbeCommandArgs, runtime: &Runtime) -> Result<(), CliError> {
    let path = runtime.start(Vec::new(), true)?.inventory;
    let inventory = targets::read(&path)?;
    let recipe = inventory.hosts.get(args.host.as_str()).and_then(|host| Recipe::of(host));
    let Some(recipe) = recipe else {
        let hint = match did_you_mean(&args.host, inventory.hosts.keys().map(HostName::as_str)) {
            none if none.is_empty() => "; `roundsman host add` adds one".to_owned(),
            hint => hint,
        };
        return Err(CliError::Failed(format!(
            "no host is called {:?} in {}{hint}",
            args.host,
            path.display()
        )));
    };
    match args.way {
        None => runtime.output.print(&recipe.text()),
        Some(Way::Swarm) if recipe.encryption != Encryption::Off => Err(CliError::Failed(format!(
            "the inventory asks {} over TLS: for a swarm with certificates run \
                 ROUNDSMAN_DOCKER_TLS=mtls docker/deploy.sh",
            recipe.name
        ))),
        Some(way) => runtime.output.print(&format!("{}\n", recipe.command(way))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::inventory::parse;

    /// The page and this print the same for the same host.
    #[test]
    fn the_page_and_the_command_line_say_the_same() {
        let text = include_str!("../../page/test/recipes.json");
        let recipes: Vec<Value> = serde_json::from_str(text).unwrap();
        assert!(recipes.len() > 10);
        for recipe in recipes {
            let said = |key: &str| recipe[key].as_str().unwrap_or_default();
            let mutual = recipe["mutual"] == true;
            let tls = "tls = \"mtls\"\nca = \"ca\"\ncert = \"c\"\nkey = \"k\"\n";
            let address = match said("address") {
                "" => String::new(),
                address => format!("addresses = [\"{address}\"]\n"),
            };
            let name = said("name");
            let tls = if mutual { tls } else { "" };
            let lines = format!("[[host]]\nname = \"{name}\"\n{address}{tls}");
            let inventory = parse("test", &lines).unwrap_or_else(|e| panic!("{e}"));
            let known = Recipe::of(&inventory.hosts[name]).unwrap();
            let printed = match said("way") {
                "binary" => known.binary(),
                "container" => known.container(),
                "swarm" => swarm(),
                "certificate" => known.before().unwrap(),
                other => panic!("{other}"),
            };
            assert_eq!(printed, said("command"), "{recipe}");
        }
    }
}
