//! What the program says of itself: help, completions, manual pages.

use std::{fs, process::Command};

use super::program::Desk;

const COMMANDS: [&str; 27] = [
    "demo",
    "serve",
    "init",
    "import",
    "check",
    "host",
    "probe-command",
    "plan",
    "poll",
    "hosts",
    "history",
    "export",
    "sql",
    "why",
    "top",
    "alerts",
    "notify",
    "ca",
    "reload",
    "accept",
    "doctor",
    "health",
    "pause",
    "resume",
    "annotate",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself() {
    let desk = Desk::new();
    let whole = desk.run(&["--help"]);
    assert_eq!((whole.code, whole.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("help", whole.out);
    assert!(whole.out.lines().count() <= 24, "a small terminal has 24 lines");
    assert!(whole.out.lines().all(|line| line.len() <= 80), "{}", whole.out);
    for command in COMMANDS {
        assert!(whole.out.contains(&format!(" {command}")), "{command}: {}", whole.out);
    }
    for command in COMMANDS {
        let help = desk.run(&[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), help.out);
        assert!(help.out.contains("\nExamples:\n"), "{command} has no examples");
    }
    let version = desk.run(&["--version"]);
    assert_eq!(version.out, format!("roundsman {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_people_say_of_alarms_is_explained_and_has_json() {
    let desk = Desk::new();
    for verb in ["silence", "silences", "unsilence", "ack", "unack"] {
        let help = desk.run(&["alerts", verb, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""), "{verb}");
        assert!(help.out.contains("--json"), "{verb}");
        if ["silence", "ack"].contains(&verb) {
            insta::assert_snapshot!(format!("help_alerts_{verb}"), help.out);
        }
    }
    let nobody = desk.run(&["alerts", "ack", "disk-full", "web-1"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.err.contains("say who you are with --who"), "{nobody:?}");
}

#[test]
fn every_listing_has_json() {
    let desk = Desk::new();
    // An export and an answer to SQL have their own: --format jsonl; `ca list` has it. What `top` shows, `hosts --json` prints.
    let others = [
        "init",
        "import",
        "host",
        "probe-command",
        "serve",
        "health",
        "export",
        "sql",
        "top",
        "alerts",
        "notify",
        "ca",
        "completions",
        "man",
    ];
    for command in COMMANDS.into_iter().filter(|command| !others.contains(command)) {
        assert!(desk.run(&[command, "--help"]).out.contains("--json"), "{command}");
    }
}

#[test]
fn no_command_at_all_shows_the_help_and_ends_with_2() {
    let ended = Desk::new().run(&[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("Usage: roundsman"), "{}", ended.err);
}

/// What bash offers after the words of a line, by the completions that the program prints.
fn offered(file: &str, words: &str) -> Vec<String> {
    let script = format!(
        "source {file}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; \
         _roundsman roundsman \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let bash = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert!(bash.status.success(), "{}", String::from_utf8_lossy(&bash.stderr));
    String::from_utf8(bash.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_flags_and_other_shells_have_their_own() {
    let desk = Desk::new();
    let text = desk.run(&["completions", "bash"]).out;
    let file = desk.file("completions", &text).display().to_string();
    assert!(Command::new("bash").args(["-n", &file]).status().unwrap().success());
    assert_eq!(offered(&file, "roundsman hist"), ["history"]);
    assert_eq!(offered(&file, "roundsman history --col"), ["--columns"]);
    assert_eq!(offered(&file, "roundsman hosts --state dow"), ["down"]);
    assert!(desk.run(&["completions", "zsh"]).out.starts_with("#compdef roundsman"));
    assert!(desk.run(&["completions", "fish"]).out.contains("complete -c roundsman"));
}

#[test]
fn completions_are_put_where_the_shell_looks() {
    let desk = Desk::new();
    let install = |shell: &str| {
        let mut command = desk.command(&["completions", "install"]);
        command.env("SHELL", shell).output().unwrap()
    };
    let done = install("/bin/bash");
    let file = desk.path().join(".local/share/bash-completion/completions/roundsman");
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(said.lines().next().unwrap(), format!("Wrote {}.", file.display()));
    assert_eq!((done.status.code(), done.stderr), (Some(0), Vec::new()));
    let file = file.display().to_string();
    assert_eq!(offered(&file, "roundsman hist"), ["history"]);
    let script = format!("source {file} && complete -p roundsman");
    let bash = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    let registered = String::from_utf8(bash.stdout).unwrap();
    assert!(registered.contains(" -F _roundsman "), "{registered}");

    for (shell, file, begins) in [
        ("/bin/zsh", ".local/share/zsh/site-functions/_roundsman", "#compdef roundsman\n"),
        ("/usr/bin/fish", ".config/fish/completions/roundsman.fish", "# Print"),
    ] {
        assert!(install(shell).status.success(), "{shell}");
        let text = fs::read_to_string(desk.path().join(file)).unwrap();
        assert!(text.starts_with(begins), "{shell}: {text}");
    }
    let refused = install("/bin/csh");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), refused.stdout), (Some(1), Vec::new()));
    assert!(said.contains("found /bin/csh: `roundsman completions --help` lists"), "{said}");
}

#[test]
fn every_command_has_a_manual_page_that_man_shows() {
    let desk = Desk::new();
    let ended = desk.run(&["man", "pages"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let shown = |page: &str| {
        let page = desk.path().join(format!("pages/{page}.1"));
        let man = Command::new("man").arg("-l").arg(&page).env("MANWIDTH", "100").output().unwrap();
        assert!(man.status.success(), "{}: {man:?}", page.display());
        assert_eq!(String::from_utf8_lossy(&man.stderr), "", "{}", page.display());
        String::from_utf8(man.stdout).unwrap()
    };
    let whole = shown("roundsman");
    for command in COMMANDS {
        assert!(whole.contains(&format!("roundsman-{command}(1)")), "{command}:\n{whole}");
        let page = shown(&format!("roundsman-{command}"));
        assert!(page.contains("Examples:"), "{command}:\n{page}");
    }
    assert!(shown("roundsman-history").contains("--columns"));
}
