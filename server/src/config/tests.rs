use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::*;

fn env(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn load(text: &str, variables: &[(&str, &str)], flags: &[Flag]) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roundsman.toml");
    std::fs::write(&path, text).unwrap();
    let sources =
        Sources { file: Some(path), explicit: true, env: env(variables), flags: flags.to_vec() };
    Config::load(sources)
        .map_err(|error| error.to_string().replace(&dir.path().display().to_string(), "DIR"))
}

fn defaults() -> Config {
    Config::load(Sources::default()).unwrap().config
}

const LISTEN: Flag = Flag { key: "http.listen", name: "--listen", value: String::new() };

#[test]
fn the_defaults() {
    insta::assert_debug_snapshot!(defaults());
}

#[test]
fn later_sources_win_and_are_remembered() {
    let file = "
        inventory = \"hosts.toml\"
        [http]
        listen = \"127.0.0.1:1\"
        [poll]
        in_flight = 1
        answer_max = \"1MiB\"
        [health]
        fall = 5
    ";
    let variables = [
        ("ROUNDSMAN_HTTP__LISTEN", "127.0.0.1:2"),
        ("ROUNDSMAN_POLL__IN_FLIGHT", "2"),
        ("ROUNDSMAN_DATA", "/srv/r"),
        ("HOME", "/root"),
    ];
    let flag = Flag { value: "127.0.0.1:3".into(), ..LISTEN };
    let loaded = load(file, &variables, &[flag]).unwrap();
    let origins: String = loaded
        .origins
        .iter()
        .map(|origin| {
            let from = match &origin.from {
                SettingLocation::File { line, column, .. } => {
                    format!("roundsman.toml:{line}:{column}")
                }
                other => other.to_string(),
            };
            format!("{:<24} {:<24} {from}\n", origin.key, origin.value)
        })
        .collect();
    insta::assert_snapshot!(origins);
    assert_eq!(loaded.config.http.listen.port(), 3);
    assert_eq!(loaded.config.poll.in_flight, 2);
    assert_eq!(loaded.config.health.fall, 5);
    assert_eq!(loaded.config.store.url, StoreUrl::Sqlite("/srv/r/roundsman.db".into()));
    assert_eq!(loaded.config.inventory, loaded.file.unwrap().with_file_name("hosts.toml"));
}

#[test]
fn a_relative_path_is_beside_its_file_or_as_the_operator_sees_it() {
    let inventory = |text: &str, variables: &[(&str, &str)], flags: &[Flag]| {
        let loaded = load(text, variables, flags).unwrap();
        let dir = loaded.file.as_deref().and_then(Path::parent).unwrap().to_owned();
        match loaded.config.inventory.strip_prefix(&dir) {
            Ok(path) => format!("DIR/{}", path.display()),
            Err(_) => loaded.config.inventory.display().to_string(),
        }
    };
    assert_eq!(inventory("", &[], &[]), "DIR/inventory.toml");
    assert_eq!(inventory("inventory = \"a/b\"", &[], &[]), "DIR/a/b");
    assert_eq!(inventory("inventory = \"/a/b\"", &[], &[]), "/a/b");
    assert_eq!(inventory("inventory = \"x\"", &[("ROUNDSMAN_INVENTORY", "a")], &[]), "a");
    let flag = Flag { key: "inventory", name: "--inventory", value: "b".into() };
    assert_eq!(inventory("", &[], &[flag]), "b");
}

/// figment's own relative path takes its folder for text.
#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_no_text_keeps_its_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("roundsman.toml");
    std::fs::write(&file, "inventory = \"hosts.toml\"").unwrap();
    let sources = Sources { file: Some(file), explicit: true, ..Sources::default() };
    assert_eq!(Config::load(sources).unwrap().config.inventory, folder.join("hosts.toml"));
}

#[test]
fn the_data_directory_is_the_users_or_the_systems() {
    let data = |variables: &[(&str, &str)]| {
        let sources = Sources { env: env(variables), ..Sources::default() };
        Config::load(sources).unwrap().config.data.display().to_string()
    };
    assert_eq!(data(&[]), "/var/lib/roundsman");
    assert_eq!(data(&[("HOME", "/home/u")]), "/home/u/.local/share/roundsman");
    assert_eq!(data(&[("HOME", "/home/u"), ("XDG_DATA_HOME", "/x")]), "/x/roundsman");
    assert_eq!(data(&[("HOME", "/h"), ("XDG_DATA_HOME", "x")]), "/h/.local/share/roundsman");
    assert_eq!(data(&[("HOME", "")]), "/var/lib/roundsman");
    assert_eq!(data(&[("HOME", "/h"), ("ROUNDSMAN_DATA", "d")]), "d");
}

/// figment types a variable by its looks, so that a directory called 123456 is a number. Here a
/// variable is text until its setting says otherwise.
#[test]
fn a_variable_is_typed_by_its_setting() {
    for text in ["123456", "true", "[1]", "1.5", "{a=1}", "\"quoted\""] {
        let loaded = load("", &[("ROUNDSMAN_DATA", text)], &[]).unwrap();
        assert_eq!(loaded.config.data, PathBuf::from(text));
    }
    let loaded = load("", &[("ROUNDSMAN_POLL__IN_FLIGHT", "7")], &[]).unwrap();
    assert_eq!(loaded.config.poll.in_flight, 7);
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let sources = |explicit| Sources {
        file: Some("/nonexistent/roundsman.toml".into()),
        explicit,
        ..Sources::default()
    };
    let error = Config::load(sources(true)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nonexistent/roundsman.toml: the configuration file cannot be read"
    );
    let loaded = Config::load(sources(false)).unwrap();
    assert_eq!(loaded.config, defaults());
    assert_eq!(loaded.file, None);
}

#[test]
fn a_file_that_is_there_must_be_readable_even_when_nobody_named_it() {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources { file: Some(dir.path().to_owned()), ..Sources::default() };
    assert!(matches!(Config::load(sources), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn an_empty_variable_and_those_of_others_are_not_ours() {
    let variables = [
        ("ROUNDSMAN_HTTP__LISTEN", ""),
        ("ROUNDSMAN_CONFIG", "/etc/roundsman.toml"),
        ("ROUNDSMAN_PROBE_LISTEN", "0.0.0.0:50051"),
        ("ROUNDSMAN_DOCKER_NETWORK", "monitoring"),
        ("ROUNDSMAN_SERVICE_HOST", "10.0.0.1"),
        ("ROUNDSMAN_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("ROUNDSMANIA", "x"),
        ("HTTP__LISTEN", "x"),
    ];
    let loaded = Config::load(Sources { env: env(&variables), ..Sources::default() }).unwrap();
    assert_eq!(loaded.config, defaults());
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let bad = OsString::from_vec(vec![0xff]);
    let mut variables = vec![("OTHER".into(), bad.clone())];
    assert!(Config::load(Sources { env: variables.clone(), ..Sources::default() }).is_ok());
    variables.push(("ROUNDSMAN_DATA".into(), bad));
    let error = Config::load(Sources { env: variables, ..Sources::default() }).unwrap_err();
    assert_eq!(error.to_string(), "$ROUNDSMAN_DATA: data: expected text in UTF-8");
}

/// figment stops at the first error and speaks of its profiles.
#[test]
fn all_problems_of_all_sources_are_reported_in_order() {
    let flag = Flag { value: "nowhere".into(), ..LISTEN };
    let variables = [("ROUNDSMAN_HEALTH__FALL", "1"), ("ROUNDSMAN_POLL_IN_FLIGHT", "5")];
    let file = "nonsense = 1\n[poll]\nin_flight = 0\nkeep_alive = 5\n";
    let error = load(file, &variables, &[flag]).unwrap_err();
    insta::assert_snapshot!(error);
    assert!(!error.contains("default."));
}

#[test]
fn limits_include_their_ends() {
    let fall = |n: u32| load(&format!("[health]\nfall = {n}"), &[], &[]).map(|_| ()).is_ok();
    assert_eq!([1, 2, 100, 101].map(fall), [false, true, true, false]);
}

#[test]
fn every_default_is_within_its_own_limits_and_reads_back() {
    let text: String = SETTINGS
        .iter()
        .map(|setting| format!("{} = {}\n", setting.key, setting.default()))
        .collect();
    let config = load(&text, &[], &[]).unwrap().config;
    let expected = defaults();
    assert_eq!(config.http, expected.http);
    assert_eq!(config.poll, expected.poll);
    assert_eq!(config.retention, expected.retention);
    assert_eq!(config.seal, expected.seal);
    assert_eq!(config.store, expected.store);
}

#[test]
fn the_words_of_a_setting_name_its_limits() {
    let mut limited = 0;
    for setting in SETTINGS {
        let expected = setting.expected();
        if let Some((_, limits)) = expected.rsplit_once(" from ") {
            limited += 1;
            let words = setting.doc.concat();
            assert!(words.contains(limits), "{}: {words:?} should have {limits:?}", setting.key);
        }
    }
    assert!(limited > 15, "only {limited}");
}

#[test]
fn a_password_in_a_url_is_in_no_message() {
    let url = "mysql://root:hunter2@db/roundsman";
    let error = load(&format!("[store]\nurl = \"{url}\""), &[], &[]).unwrap_err();
    assert_eq!(
        error,
        "DIR/roundsman.toml:2:7: store.url: expected \"sqlite:\" and the path of a file, or \
         \"mysql://user@host:3306/database\" (up to 9 servers of one database: \
         \"mysql://user@a:3306,b:3306/database\") with the password in store.password_file, found \
         \"mysql://root:***@db/roundsman\""
    );
    // A secret under a key that this version does not know.
    let error = load("[store]\npasswort = \"hunter2\"", &[], &[]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
    // A secret on a line that is not TOML.
    let error = load("[store]\npassword = \"hunter2", &[], &[]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}

/// The documented example: each setting stands there commented out, with its default and its
/// variable; taken as it is or with every comment removed, it is the defaults.
#[test]
fn the_example_is_the_defaults() {
    let example = include_str!("../../../docker/roundsman.toml");
    let is_setting = |line: &str| {
        line.strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "))
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let uncommented: String = example
        .lines()
        .map(|line| if is_setting(line) { &line[2..] } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let set = load(&uncommented, &[], &[]).unwrap();
    for text in [example, &uncommented] {
        let loaded = load(text, &[], &[]).unwrap();
        let name = |config: &Config| config.inventory.file_name().map(ToOwned::to_owned);
        assert_eq!(name(&loaded.config), name(&defaults()));
        assert_eq!(Config { inventory: PathBuf::new(), ..loaded.config }, {
            Config { inventory: PathBuf::new(), ..defaults() }
        });
    }
    let mut section = "";
    let mut settings = String::new();
    for (origin, setting) in set.origins.iter().zip(SETTINGS) {
        assert_eq!(origin.key, setting.key);
        assert!(matches!(origin.from, SettingLocation::File { .. }), "{} is missing", origin.key);
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != section {
            section = of;
            settings.push_str(&format!("[{section}]\n"));
        }
        let doc: String = setting.doc.iter().map(|line| format!("#{line}\n")).collect();
        let (variable, default) = (setting.variable(), setting.default());
        settings.push_str(&format!("{doc}# ${variable}\n# {name} = {default}\n\n"));
    }
    let (head, _) = example.split_once(&format!("#{}", SETTINGS[0].doc[0])).unwrap();
    let settings = format!("{head}{}\n", settings.trim_end());
    for (line, (is, should)) in (1..).zip(example.lines().zip(settings.lines())) {
        assert_eq!(is, should, "docker/roundsman.toml:{line} is not as in setting.rs");
    }
    assert_eq!(example, settings);
}

/// Every setting that takes several, by the example of its own message.
#[test]
fn a_list_is_an_array_or_one_text_and_an_entry_that_is_wrong_is_named_by_its_index() {
    let lists: Vec<&SettingInfo> = SETTINGS.iter().filter(|setting| setting.is_list()).collect();
    assert!(lists.iter().any(|setting| setting.key == "resolve.servers"), "{lists:?}");
    // What one of them needs, and what the others do not mind.
    let needed = ("ROUNDSMAN_HTTP__ACCESS_FILE", "/access.toml");
    let defaults = load("", &[needed], &[]).unwrap().config;
    for setting in lists {
        let words = setting.expected();
        let from = words.find("[\"").unwrap();
        let array = &words[from..=from + words[from..].rfind("\"]").unwrap() + 1];
        let text = array[2..array.len() - 2].replace("\", \"", ",");
        let (section, name) = setting.key.split_once('.').unwrap();
        let file = |value: &str| format!("[{section}]\n{name} = {value}\n");
        let is = |loaded: Result<Loaded, String>| {
            let Loaded { config, .. } = loaded.unwrap();
            Config { inventory: PathBuf::new(), ..config }
        };
        let given = is(load(&file(array), &[needed], &[]));
        assert_ne!(given, Config { inventory: PathBuf::new(), ..defaults.clone() }, "{array}");
        assert_eq!(is(load(&file(&format!("{text:?}")), &[needed], &[])), given, "{text}");
        let variable = setting.variable();
        assert_eq!(is(load("", &[needed, (&variable, &text)], &[])), given, "{variable}={text}");
        let flag = Flag { key: setting.key, name: "--list", value: text.clone() };
        assert_eq!(is(load("", &[needed], &[flag])), given, "{text}");
        for wrong in ["7", "\"a b\"", "[]"] {
            let mixed = array.replacen(", ", &format!(", {wrong}, "), 1);
            let error = load(&file(&mixed), &[needed], &[]).unwrap_err();
            let place =
                format!("DIR/roundsman.toml:2:{}: {}[1]: expected ", name.len() + 4, setting.key);
            // What may be a secret is not repeated.
            let is_shown = setting.key != "export.headers";
            assert!(error.starts_with(&place), "{error}");
            assert_eq!(error.ends_with(&format!("found {wrong}")), is_shown, "{error}");
            assert_eq!(error.contains("found"), is_shown, "{error}");
        }
    }
}

#[test]
fn a_password_is_taken_from_its_file_and_is_shown_by_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let url = "url = \"mysql://u@localhost/d\"";
    let from_file = format!("[store]\n{url}\npassword_file = \"{}\"", secret.display());
    let inline = format!("[store]\n{url}\npassword = \"hunter2\"");
    let variable = [("ROUNDSMAN_STORE__PASSWORD", "hunter2")];
    for (text, variables) in [(&from_file, &[][..]), (&inline, &[]), (&String::new(), &variable)] {
        let loaded = load(text, variables, &[]).unwrap();
        assert_eq!(loaded.config.store.password, Some(Secret::new("hunter2")));
        assert!(!format!("{loaded:?}").contains("hunter2"), "{loaded:?}");
    }
    let digits = load("[store]\npassword = 12345", &[], &[]).unwrap();
    assert_eq!(digits.config.store.password, Some(Secret::new("12345")));
}

#[test]
fn no_password_goes_to_another_machine_without_tls_unless_that_is_said_by_name() {
    let store = |host: &str, rest: &str| {
        load(&format!("[store]\nurl = \"mysql://u@{host}/d\"\n{rest}"), &[], &[])
    };
    // A file that cannot be read does not hide it.
    let refused = store("db", "password_file = \"none\"").unwrap_err();
    assert!(refused.contains("without TLS") && refused.contains("none"), "{refused}");
    assert!(store("127.0.0.1,db", "password = \"p\"").is_err());

    let exposed = |host: &str, rest: &str| {
        let store = store(host, rest).unwrap().config.store;
        store.exposed_to().map(ToString::to_string)
    };
    assert_eq!(exposed("127.0.0.1", "password = \"p\""), None);
    assert_eq!(exposed("db", ""), None, "there is none to be read");
    assert_eq!(exposed("db", "password = \"p\"\ntls = \"required\""), None);
    assert_eq!(exposed("db", "password = \"p\"\ntls = \"verify-ca\"\ntls_ca = \"a\""), None);
    let told = exposed("db", "password = \"p\"\ntls = \"off\"");
    assert_eq!(told.as_deref(), Some("db:3306"));
}
