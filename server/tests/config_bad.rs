//! Bad configurations and exactly what the operator is told: one golden for all, so that a change
//! of wording is read beside its neighbours. Files are `tests/config/bad/*.toml`; `ENVIRONMENT`
//! lists what variables and flags alone can get wrong.

use std::{ffi::OsString, fmt::Write as _, fs, path::PathBuf};

use roundsman::config::{Config, Flag, Sources};

/// Relative to the package, which is where tests run: the messages name it as it stands here.
const BAD: &str = "tests/config/bad";

fn message(file: Option<PathBuf>, variables: &[(&str, &str)], flags: Vec<Flag>) -> String {
    let env: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let explicit = file.is_some();
    match Config::load(Sources { file, explicit, env, flags }) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_bad_file_is_refused_in_these_words() {
    let mut files: Vec<_> = fs::read_dir(BAD).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "only {} files in {BAD}", files.len());
    let mut told = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let message = message(Some(file.clone()), &[], Vec::new());
        assert_ne!(message, "accepted", "{} is not bad", file.display());
        writeln!(told, "{}\n{message}\n", text.trim_end()).unwrap();
    }
    insta::assert_snapshot!(told);
}

type Case = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

/// Variables, and flags as (setting, value).
const ENVIRONMENT: &[Case] = &[
    (&[("ROUNDSMAN_HTTP__LISTEN", "8080")], &[]),
    (&[("ROUNDSMAN_HTTP__LISTEN", "localhost:8080")], &[]),
    (&[("ROUNDSMAN_HTTP_LISTEN", "127.0.0.1:1")], &[]),
    (&[("ROUNDSMAN_HTTP__BASE_PATH", "mon")], &[]),
    (&[("ROUNDSMAN_LISTEN", "127.0.0.1:1")], &[]),
    (&[("ROUNDSMAN_POLL__IN_FLIGHT", "many")], &[]),
    (&[("ROUNDSMAN_POLL__IN_FLIGHT", "-1")], &[]),
    (&[("ROUNDSMAN_WRITER__BATCH_WAIT", "1")], &[]),
    (&[("ROUNDSMAN_WRITER__QUEUE_ROWS", "10")], &[]),
    (&[("ROUNDSMAN_HTTP", "{listen=1}")], &[]),
    (&[("ROUNDSMAN_RESOLVE__SERVERS", "10.0.0.2:53, x")], &[]),
    (&[("ROUNDSMAN_HOOK__STATES", ",")], &[]),
    (&[], &[("http.listen", "here")]),
    (&[], &[("http.port", "80")]),
    (&[("ROUNDSMAN_LOG__LEVEL", "loud")], &[("log.format", "xml"), ("store.url", "postgres:x")]),
];

#[test]
fn every_bad_variable_and_flag_is_refused_in_these_words() {
    let mut told = String::new();
    for (variables, given) in ENVIRONMENT {
        let flags = given
            .iter()
            .map(|(key, value)| Flag { key, name: "--flag", value: (*value).to_owned() })
            .collect();
        let message = message(None, variables, flags);
        assert_ne!(message, "accepted", "{variables:?} {given:?} is not bad");
        for (name, value) in *variables {
            writeln!(told, "{name}={value}").unwrap();
        }
        for (key, value) in *given {
            writeln!(told, "--flag of {key}: {value}").unwrap();
        }
        writeln!(told, "{message}\n").unwrap();
    }
    insta::assert_snapshot!(told);
}
