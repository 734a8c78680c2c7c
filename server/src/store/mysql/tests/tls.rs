//! A server with a certificate: what is trusted, and what is said of what is not.

use std::fs;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair,
};
use tempfile::TempDir;

use super::*;
use crate::{causes::chain, model::Outcome};

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
        let site = Self { dir, names, server };
        // Whoever is let in can make its database: the way in is the one that is tested.
        let options = Options {
            url: MysqlUrl { database: "mysql".to_owned(), ..site.options(NAME, "ca.pem").url },
            ..site.options(NAME, "ca.pem")
        };
        let doors = Doors::open(&options, Mode::ReadWrite).await.unwrap();
        let mut conn = doors.schema().await.unwrap();
        conn.query_drop("CREATE DATABASE fleet CHARACTER SET utf8mb4").await.unwrap();
        site
    }

    fn options(&self, host: &str, ca: &str) -> Options {
        let options = options(self.server.port(), "fleet");
        Options {
            url: MysqlUrl { host: host.to_owned(), ..options.url },
            name_servers: vec![self.names.socket()],
            tls: TlsMode::Required,
            tls_ca: (!ca.is_empty()).then(|| self.dir.path().join(ca)),
            ..options
        }
    }

    async fn refusal(&self, options: Options) -> String {
        let error = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap_err();
        assert!(!error.is_absence(), "waiting does not mend it");
        let said = chain(&error).replace(&self.server.port().to_string(), "PORT");
        assert!(!said.contains('\n'), "{said}");
        said.replace(&self.dir.path().display().to_string(), "DIR")
    }
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
        let kept = store.polls(known[0].id, Span::ALL, Order::OldestFirst, 9).await.unwrap();
        assert_eq!(kept.iter().map(|poll| poll.outcome).collect::<Vec<_>>(), [Outcome::Ok]);
        // Every way in is encrypted.
        let doors = &store.shared.doors;
        let all = [doors.writer("test").await, doors.reader().await, doors.schema().await];
        for conn in all {
            let sql = "SHOW SESSION STATUS LIKE 'Ssl_version'";
            let (_, version): (String, String) =
                conn.unwrap().query_first(sql).await.unwrap().unwrap();
            assert!(version.starts_with("TLSv1."), "{version}");
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
