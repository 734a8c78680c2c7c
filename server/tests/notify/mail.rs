//! Mail, by a real server of another's making.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use roundsman::notify::Progress;
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, time::timeout};

use crate::{
    site::{Desk, KEEPER, NAME, later, message, now, once, refused},
    support::{PATIENCE, authority, certificate},
};

/// A server of mail that ends with the test.
struct Smtpd {
    child: Child,
    port: u16,
    said: mpsc::Receiver<String>,
}

impl Smtpd {
    /// A server in this mode, with a certificate for this name.
    fn start(desk: &Desk, mode: &str, name: &str) -> Self {
        let ours = authority("ours");
        let (certificate, key) = certificate(&ours, name, 2999);
        desk.file("ca.pem", &ours.pem());
        desk.file("mail.pem", &certificate.pem());
        desk.file("mail.key", &key.serialize_pem());
        desk.file("password", "hunter2\n");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/smtpd.py");
        let mut child = Command::new("sh")
            .args(["-c", KEEPER, "sh", "/usr/bin/python3"])
            .arg(script)
            .args([mode, &desk.path("mail.pem"), &desk.path("mail.key")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, said) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        // The package python3-aiosmtpd is needed.
        let port = said.recv_timeout(PATIENCE).unwrap();
        Self { child, port: port.parse().unwrap(), said }
    }

    /// The next mail that it took.
    fn mail(&mut self) -> Value {
        serde_json::from_str(&self.said.recv_timeout(PATIENCE).unwrap()).unwrap()
    }
}

impl Drop for Smtpd {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _gone = self.child.wait();
    }
}

fn lines(port: u16, more: &str) -> String {
    format!(
        "server = \"{NAME}:{port}\"\nfrom = \"Roundsman <roundsman@example.org>\"\nca_file = \
         \"ca.pem\"\nto = [\"ops@example.org\"]\nhello = \"monitor.example.org\"\n{more}"
    )
}

const SIGNED_IN: &str = "user = \"roundsman\"\npassword_file = \"password\"";

#[tokio::test]
async fn a_mail_is_encrypted_signed_in_and_whole() {
    let desk = Desk::new().await;
    for mode in ["starttls", "implicit"] {
        let mut server = Smtpd::start(&desk, mode, NAME);
        // aiosmtpd offers no signing in where all is encrypted from the first byte.
        let sign_in = if mode == "starttls" { SIGNED_IN } else { "" };
        let lines = lines(server.port, &format!("tls = \"{mode}\"\n{sign_in}"));
        let receipt = once(&desk.channel("email", &lines), &message(2)).await.unwrap();
        assert_eq!((receipt.status, &*receipt.answer), (250, "2.0.0 kept as 4711"), "{mode}");
        let mail = server.mail();
        assert_eq!(mail["encrypted"], true, "{mode}");
        assert_eq!(mail["signed_in"], mode == "starttls", "{mode}");
        assert_eq!(mail["from"], "roundsman@example.org");
        assert_eq!(mail["to"], serde_json::json!(["ops@example.org"]));
        assert_eq!(mail["hello"], "monitor.example.org");
        let data = mail["data"].as_str().unwrap();
        for head in [
            "Subject: FIRING (critical): filesystems of web are full\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Message-ID: <roundsman.",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ] {
            assert!(data.contains(head), "{head}: {data}");
        }
        assert!(data.contains("web-1 (web) disk_full /var: 97.3 %"), "{data}");
    }
}

/// The same message has the same id in every try: a mailbox that got it twice shows one.
#[tokio::test]
async fn a_recipient_that_is_refused_costs_no_other_his_mail() {
    let desk = Desk::new().await;
    let mut server = Smtpd::start(&desk, "plain", NAME);
    let to = "to = [\"refused@example.org\", \"later@example.org\", \"ops@example.org\"]";
    let lines = lines(server.port, "tls = \"off\"")
        .replace("to = [\"ops@example.org\"]", to)
        .replace("ca_file = \"ca.pem\"\n", "");
    let channel = desk.channel("email", &lines);
    let mut progress = Progress::default();
    let said = later(channel.send(&message(1), &mut progress, now()).await);
    assert!(said.contains("451") && said.contains("try again later"), "{said}");
    let mail = server.mail();
    assert_eq!(mail["to"], serde_json::json!(["ops@example.org"]));
    // Those that are over are not tried again: only this one is.
    let said = later(channel.send(&message(1), &mut progress, now()).await);
    assert!(said.contains("451"), "{said}");
    let only = lines.replace("\"later@example.org\", ", "");
    let said = refused(once(&desk.channel("email", &only), &message(1)).await);
    assert!(said.starts_with("1 of 2 were refused, the first: "), "{said}");
    assert!(said.contains("550") && said.contains("no such mailbox"), "{said}");
    let id = |mail: &Value| {
        let data = mail["data"].as_str().unwrap().to_owned();
        data.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
    };
    assert_eq!(id(&server.mail()), id(&mail), "and nothing between them");
}

#[tokio::test]
async fn what_a_mail_server_does_wrong_is_said() {
    let desk = Desk::new().await;
    let plain = Smtpd::start(&desk, "plain", NAME);
    let said = refused(once(&desk.channel("email", &lines(plain.port, "")), &message(1)).await);
    assert!(said.contains("does not offer STARTTLS: choose"), "{said}");

    for mode in ["starttls", "implicit"] {
        let server = Smtpd::start(&desk, mode, "other.test");
        let lines = lines(server.port, &format!("tls = \"{mode}\""));
        let said = later(once(&desk.channel("email", &lines), &message(1)).await);
        assert!(said.contains("certificate not valid for name"), "{mode}: {said}");
    }

    let server = Smtpd::start(&desk, "starttls", NAME);
    desk.file("password", "wrong-password");
    let lines = lines(server.port, SIGNED_IN);
    let said = refused(once(&desk.channel("email", &lines), &message(1)).await);
    assert!(said.contains("535") && !said.contains("wrong-password"), "{said}");
}

/// lettre alone would wait for ever.
#[tokio::test]
async fn a_mail_server_that_is_silent_costs_its_own_time_only() {
    let desk = Desk::new().await;
    desk.file("ca.pem", &authority("ours").pem());
    // Silent from the first byte; after its greeting; once it has a sender.
    for greeting in ["", "220 mail.test\r\n", "220 mail.test\r\n250 mail.test\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(greeting.as_bytes()).await.unwrap();
                held.push(stream);
            }
        });
        let lines = lines(port, "tls = \"off\"\ntimeout = \"300ms\"");
        let (channel, message) = (desk.channel("email", &lines), message(1));
        let said = later(timeout(PATIENCE, once(&channel, &message)).await.unwrap());
        assert!(said.contains("within 300ms"), "{said}");
        serving.abort();
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let said = later(once(&desk.channel("email", &lines(closed, "")), &message(1)).await);
    assert!(said.contains("refused"), "{said}");
}
