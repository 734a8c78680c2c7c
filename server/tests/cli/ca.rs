//! `ca`: certificates from nothing to a poll over TLS, and what is refused.

use std::sync::Arc;

use roundsman_pki::server::{Server, ServerFiles};
use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{Access, Limits, serve_to},
};

use super::program::Desk;

/// The five commands of docs/security.md, on two machines that are one.
#[test]
fn certificates_are_made_by_one_command_for_each_host() {
    let desk = Desk::new();
    let made = desk.run(&["ca", "init"]);
    assert_eq!((made.code, made.err.as_str()), (Some(0), ""), "{made:?}");
    let issued = desk.run(&["ca", "issue", "web-01"]);
    assert!(issued.out.contains("issued ca/hosts/web-01\n"), "{issued:?}");
    assert!(issued.out.contains("next: copy a host's folder to it"), "{issued:?}");
    // The server has no host to copy to.
    let kept = desk.run(&["ca", "issue", "roundsman:server"]);
    assert!(kept.out.contains("next: name its files in the inventory"), "{kept:?}");
    assert!(!kept.out.contains("copy a host's folder"), "{kept:?}");
    let renewed = desk.run(&["ca", "renew"]);
    assert_eq!(renewed.out, "nothing to renew: no certificate ends so soon\n");

    let file = |name: &str| desk.path().join("ca/hosts/web-01").join(name);
    let files = ServerFiles {
        certificate: file("probe.pem"),
        key: file("probe.key"),
        client_ca: Some(file("ca.pem")),
        client_crl: Some(file("crl.pem")),
    };
    let access = Access::new(Vec::new(), Some(Server::load(files).unwrap()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let collector = Arc::new(Collector::new(Root::new("/proc", "/")));
    runtime.spawn(serve_to(access, listener, collector, Limits::default(), std::future::pending()));

    let host = format!(
        "[[host]]\nname = \"web-01\"\naddresses = [\"127.0.0.1:{port}\"]\n\
         families = [\"load\"]\n"
    );
    let tls = "tls = \"mtls\"\nca = \"ca/ca.pem\"\ncrl = \"ca/crl.pem\"\n\
               cert = \"ca/server/server.pem\"\nkey = \"ca/server/server.key\"\n";
    let inventory = desk.file("inventory.toml", &format!("{host}{tls}"));
    let polled = desk.run(&["poll", "web-01"]);
    assert!(polled.out.starts_with("web-01 ok at "), "{polled:?}");
    let checked = desk.run(&["check", "--live"]);
    assert!(checked.out.contains("encrypted: every host\n"), "{checked:?}");
    let issued = desk.run(&["ca", "issue", "--inventory", &inventory.display().to_string()]);
    assert!(issued.out.contains("kept, it is valid: ca/hosts/web-01\n"), "{issued:?}");

    // Revoked, it is refused by a server that reads the list.
    let revoked = desk.run(&["ca", "revoke", "web-01"]);
    assert!(revoked.out.contains("revoked 1 certificate of web-01"), "{revoked:?}");
    let listed = desk.run(&["ca", "list", "--json"]).json();
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["revoked"]).collect();
    assert_eq!(states, [false, true], "{listed}");
    let polled = desk.run(&["poll", "web-01"]);
    assert!(polled.out.starts_with("web-01 tls at "), "{polled:?}");
    assert!(polled.out.contains("TLS: revoked"), "{polled:?}");

    for (arguments, words) in [
        (&["ca", "init"][..], "there is an authority already"),
        (&["ca", "issue", "web-01", "--days", "826"], "1 to 825"),
        (&["ca", "renew", "web-01"], "a revoked key is not renewed"),
        (&["ca", "revoke", "nobody"], "no certificate that could be revoked"),
        (&["ca", "list", "--dir", "elsewhere"], "`roundsman ca init`"),
    ] {
        let refused = desk.run(arguments);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
}

#[test]
fn check_says_which_file_cannot_be_used_and_live_who_is_plain() {
    let desk = Desk::new();
    let tls = "[defaults]\ntls = \"tls\"\nca = \"none.pem\"\n";
    let hosts = "[[host]]\nname = \"a\"\naddresses = [\"127.0.0.1:1\"]\ntls = \"off\"\n\
                 [[host]]\nname = \"b\"\naddresses = [\"127.0.0.1:2\"]\n";
    desk.file("inventory.toml", &format!("{tls}{hosts}"));
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.err.contains("none.pem: "), "{checked:?}");
    let live = desk.run(&["check", "--live"]);
    assert!(live.out.contains("in plain text: a\n"), "{live:?}");
}
