//! A server with a certificate: what is trusted, and what is said of what is not.

use std::fs;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair,
};
use tempfile::TempDir;

use super::*;
use crate::{error_report::error_chain, model::Outcome};

#[path = "../../../../tests/support/dns.rs"]
#[allow(dead_code, unreachable_pub, reason = "another test uses the rest")]
mod dns;

/// The name in the server's certificate, and one that is not.
const NAME: &str = "db.test";
const OTHER: &str = "other.test";

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certificate(names: &[&str], by: &Issuer<'_, KeyPair>) -> (Certificate, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    (CertificateParams::new(names).unwrap().signed_by(&key, by).unwrap(), key)
}

/// A server that takes encrypted connections alone, and the files that make it trusted or not.
struct Site {
    dir: TempDir,
    names: dns::NameServer,
    server: Mariadbd,
    ours: CertifiedIssuer<'static, KeyPair>,
}

impl Site {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let ours = authority("ours");
        let (certificate, key) = certificate(&[NAME, "127.0.0.1"], &ours);
        let ca = file("ca.pem", &ours.pem());
        file("strange.pem", &authority("somebody else's").pem());
        file("text.pem", "no certificate\n");
        file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let flags = [
            format!("--ssl-ca={ca}"),
            format!("--ssl-cert={}", file("cert.pem", &certificate.pem())),
            format!("--ssl-key={}", file("key.pem", &key.serialize_pem())),
            "--require-secure-transport=ON".to_owned(),
        ];
        let flags: Vec<&str> = FLAGS.into_iter().chain(flags.iter().map(String::as_str)).collect();
        let names = dns::NameServer::start().await;
        for name in [NAME, OTHER] {
            names.addresses(name, &["127.0.0.1"]);
        }
        let server = Mariadbd::start(&flags);
        let site = Self { dir, names, server, ours };
        // Whoever is let in can make its database: the way in is the one that is tested.
        let options = Options {
            url: MysqlUrl { database: "mysql".to_owned(), ..site.options(NAME, "ca.pem").url },
            ..site.options(NAME, "ca.pem")
        };
        let pools = Pools::open(&options, Mode::ReadWrite).await.unwrap();
        let mut conn = pools.schema().await.unwrap();
        conn.query_drop("CREATE DATABASE fleet CHARACTER SET utf8mb4").await.unwrap();
        site
    }

    fn options(&self, host: &str, ca: &str) -> Options {
        let mut options = options(self.server.port(), "fleet");
        options.url.addresses[0].host = host.to_owned();
        Options {
            name_servers: vec![self.names.socket()],
            tls: TlsMode::Required,
            tls_ca: (!ca.is_empty()).then(|| self.dir.path().join(ca)),
            ..options
        }
    }

    fn by_authority(&self, host: &str, ca: &str) -> Options {
        Options { tls: TlsMode::VerifyCa, ..self.options(host, ca) }
    }

    /// Gives the server another certificate, which connections to come see.
    async fn change(&self, certificate: &Certificate, key: &KeyPair) {
        self.try_change(certificate, key).await.unwrap();
    }

    async fn try_change(
        &self,
        certificate: &Certificate,
        key: &KeyPair,
    ) -> Result<(), mysql_async::Error> {
        let opts = OptsBuilder::from_opts(mysql_async::Opts::default())
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.server.port())
            .user(Some("root"))
            .prefer_socket(false)
            .ssl_opts(Some(mysql_async::SslOpts::default().with_danger_accept_invalid_certs(true)));
        let mut root = Conn::new(opts).await.unwrap();
        for (file, text) in [("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())] {
            fs::write(self.dir.path().join(file), text).unwrap();
        }
        let reload = if on_mysql() { "ALTER INSTANCE RELOAD TLS" } else { "FLUSH SSL" };
        root.query_drop(reload).await
    }

    async fn is_taken(&self, options: Options) {
        let store = Mysql::open(options, Mode::ReadWrite, standing_clock()).await;
        let store = store.unwrap_or_else(|error| panic!("{}", error_chain(&error)));
        for conn in [store.shared.pools.writer("test").await, store.shared.pools.schema().await] {
            encrypted(&mut conn.unwrap()).await;
        }
    }

    async fn refusal(&self, options: Options) -> String {
        let error = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap_err();
        assert!(!error.is_absence(), "waiting does not mend it");
        let said = error_chain(&error).replace(&self.server.port().to_string(), "PORT");
        assert!(!said.contains('\n'), "{said}");
        said.replace(&self.dir.path().display().to_string(), "DIR")
    }
}

async fn encrypted(conn: &mut Conn) {
    let sql = "SHOW SESSION STATUS LIKE 'Ssl_version'";
    let (_, version): (String, String) = conn.query_first(sql).await.unwrap().unwrap();
    assert!(version.starts_with("TLSv1."), "{version}");
}

#[tokio::test]
async fn polls_go_to_a_server_whose_certificate_is_trusted_and_to_no_other() {
    let site = Site::new().await;
    for host in [NAME, "127.0.0.1"] {
        let options = site.options(host, "ca.pem");
        let store = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap();
        let known = store.register(vec![sample::registration(host)], sample::START).await.unwrap();
        let poll = sample::good(known[0].id, &known[0].name, sample::START);
        store.write(Arc::new(Batch::of_polls([poll]))).await.unwrap();
        let kept = store.polls(known[0].id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
        assert_eq!(kept.iter().map(|poll| poll.outcome).collect::<Vec<_>>(), [Outcome::Ok]);
        // Every way in is encrypted.
        let pools = &store.shared.pools;
        let all = [pools.writer("test").await, pools.reader().await, pools.schema().await];
        for conn in all {
            encrypted(&mut conn.unwrap()).await;
        }
    }
    let mut said = Vec::new();
    for (host, ca) in [
        (NAME, "strange.pem"),
        (NAME, ""),
        (OTHER, "ca.pem"),
        (NAME, "text.pem"),
        (NAME, "broken.pem"),
        (NAME, "none.pem"),
    ] {
        said.push(site.refusal(site.options(host, ca)).await);
    }
    let plain = Options { tls: TlsMode::Off, ..site.options(NAME, "") };
    // Each server has a number of its own for it.
    let plain = site.refusal(plain).await;
    assert!(["ERROR 1045", "ERROR 3159"].iter().any(|error| plain.contains(error)), "{plain}");
    assert!(plain.contains("takes encrypted connections alone"), "{plain}");
    let mend = ["set store.tls to \"required\"", "store.tls must be \"required\""];
    assert!(mend.iter().any(|mend| plain.contains(mend)), "{plain}");
    // And a server that has none.
    let none = Options { tls: TlsMode::Required, ..options(shared(), "mysql") };
    said.push(site.refusal(none).await.replace(&shared().to_string(), "PORT"));
    insta::assert_snapshot!(said.join("\n"));
}

/// A name like those that MySQL gives its own certificates, without any name of a machine.
fn of_no_machine(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

#[tokio::test]
async fn by_its_authority_alone_a_certificate_is_taken_whatever_its_name_and_no_other() {
    let site = Site::new().await;
    for host in [NAME, OTHER, "127.0.0.1"] {
        site.is_taken(site.by_authority(host, "ca.pem")).await;
    }
    let refused = site.refusal(site.by_authority(NAME, "strange.pem")).await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    assert!(refused.contains("signed by an authority in store.tls_ca"), "{refused}");

    let key = KeyPair::generate().unwrap();
    let nameless = of_no_machine("the server").signed_by(&key, &site.ours).unwrap();
    site.change(&nameless, &key).await;
    site.is_taken(site.by_authority(OTHER, "ca.pem")).await;
    let refused = site.refusal(site.options(NAME, "ca.pem")).await;
    assert!(refused.contains("verify-ca"), "the way out is told: {refused}");

    // One of another year, and one that is for the other end of a connection.
    let mut past = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    (past.not_before, past.not_after) =
        (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2020, 12, 31));
    let mut of_clients = of_no_machine("the server");
    of_clients.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    for (params, words) in [(past, "certificate expired"), (of_clients, "key usage")] {
        let changed = site.try_change(&params.signed_by(&key, &site.ours).unwrap(), &key).await;
        if let Err(error) = changed {
            // MySQL itself takes none that is out of date.
            assert!(on_mysql() && error.to_string().contains("Invalid certificates"), "{error}");
            continue;
        }
        for host in [NAME, OTHER] {
            let refused = site.refusal(site.by_authority(host, "ca.pem")).await;
            assert!(refused.contains(words), "{refused}");
        }
    }
}

/// Pinned: the file of authorities is the server's own certificate.
#[tokio::test]
async fn a_certificate_that_signed_itself_is_its_own_authority() {
    let site = Site::new().await;
    let key = KeyPair::generate().unwrap();
    site.change(&of_no_machine("db").self_signed(&key).unwrap(), &key).await;
    let pinned = "pinned.pem";
    fs::copy(site.dir.path().join("cert.pem"), site.dir.path().join(pinned)).unwrap();
    site.is_taken(site.by_authority(OTHER, pinned)).await;
    let refused = site.refusal(site.by_authority(OTHER, "ca.pem")).await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    // The same name, another key.
    let another = KeyPair::generate().unwrap();
    site.change(&of_no_machine("db").self_signed(&another).unwrap(), &another).await;
    let refused = site.refusal(site.by_authority(OTHER, pinned)).await;
    assert!(refused.contains("BadSignature"), "{refused}");
    // One that is an authority's, as `openssl req -x509` makes it by itself.
    let mut params = of_no_machine("db");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    site.change(&params.self_signed(&key).unwrap(), &key).await;
    let refused = site.refusal(site.by_authority(OTHER, "cert.pem")).await;
    assert!(refused.contains("CaUsedAsEndEntity"), "{refused}");
    assert!(refused.contains("CA:FALSE"), "{refused}");
}

/// MySQL makes an authority and a certificate of it in a new data directory; MariaDB none that lasts.
#[tokio::test]
async fn the_certificate_that_mysql_made_for_itself_is_taken_by_its_authority() {
    let flags = FLAGS.into_iter().filter(|flag| *flag != "--loose-skip-ssl");
    let flags: Vec<&str> = flags.chain(["--loose-auto-generate-certs=ON"]).collect();
    let server = Mariadbd::start(&flags);
    let ca = server.data().join("ca.pem");
    let opened = async |tls| {
        let mut options = options(server.port(), "mysql");
        (options.tls, options.tls_ca) = (tls, Some(ca.clone()));
        Pools::open(&options, Mode::ReadOnly).await.map_err(|error| error_chain(&error))
    };
    let refused = opened(TlsMode::Required).await.unwrap_err();
    if on_mysql() {
        assert!(refused.contains("not valid for any names"), "{refused}");
        let pools = opened(TlsMode::VerifyCa).await.unwrap();
        encrypted(&mut pools.reader().await.unwrap()).await;
    } else {
        assert!(refused.contains("ca.pem: No such file"), "{refused}");
    }
}
