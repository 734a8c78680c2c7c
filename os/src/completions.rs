//! Completions of a program, put where the shell of who runs it looks for them.
//!
//! Nothing of anybody else's is written over: a file is its own when its last line says so.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

/// Shells that look for completions in a folder of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// With the package bash-completion.
    Bash,
    /// Fish.
    Fish,
    /// Zsh.
    Zsh,
}

/// Why completions were not put anywhere. It names the program's commands that help.
#[derive(Debug, thiserror::Error)]
pub enum CompletionsError {
    /// Which shell is not known.
    #[error(
        "SHELL is not set, so it is not known which shell is to complete: SHELL=/bin/bash {0} completions install"
    )]
    NoShell(String),
    /// A shell without such a folder.
    #[error(
        "expected SHELL to be bash, fish or zsh, found {shell}: `{program} completions --help` lists the \
         shells whose completions it prints"
    )]
    OtherShell {
        /// As SHELL has it.
        shell: String,
        /// Whose completions.
        program: String,
    },
    /// Whose folder is not known.
    #[error("HOME is not set to an absolute path, so it is not known where the shell looks")]
    NoHome,
    /// Somebody else's file.
    #[error(
        "{} is there and was not written by `{program} completions install`: move it away, or print the \
         completions by `{program} completions {shell}`", .file.display()
    )]
    NotOurs {
        /// Where.
        file: PathBuf,
        /// Whose completions.
        program: String,
        /// As `completions` names it.
        shell: &'static str,
    },
    /// What the kernel said.
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// Puts the completions of `program`, which are `text` of the shell, where the shell of this process's
/// user looks, and returns what there is to tell, several lines.
///
/// # Errors
/// When the shell or its folder is not known, a file there is not its own, or it cannot be written.
pub fn install(
    program: &str,
    text: impl FnOnce(Shell) -> Vec<u8>,
) -> Result<String, CompletionsError> {
    install_for(program, &|name| env::var_os(name), text)
}

fn install_for(
    program: &str,
    variable: &dyn Fn(&str) -> Option<OsString>,
    text: impl FnOnce(Shell) -> Vec<u8>,
) -> Result<String, CompletionsError> {
    let shell = shell(program, variable)?;
    let (folder, name, next) = place(program, shell, variable)?;
    let file = folder.join(name);
    let mark = format!("# Written by `{program} completions install`.\n");
    let mut text = text(shell);
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(mark.as_bytes());
    let failed = |error| CompletionsError::Write(file.clone(), error);
    // A link leads to a file that somebody keeps elsewhere.
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(is) if is.is_file() && fs::read(&file).map_err(failed)?.ends_with(mark.as_bytes()) => {}
        Ok(_) => {
            let (program, shell) = (program.to_owned(), shell.name());
            return Err(CompletionsError::NotOurs { file, program, shell });
        }
    }
    // A shell that starts meanwhile reads the old one or the new one.
    let beside = folder.join(format!(".{program}.{}", std::process::id()));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&beside, &text))
        .and_then(|()| fs::rename(&beside, &file))
        .inspect_err(|_| _ = fs::remove_file(&beside))
        .map_err(failed)?;
    Ok(format!("Wrote {}.\n{next}\n", file.display()))
}

impl Shell {
    /// As `completions` takes it.
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Fish => "fish",
            Self::Zsh => "zsh",
        }
    }
}

fn shell(
    program: &str,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Shell, CompletionsError> {
    let said = variable("SHELL").filter(|said| !said.is_empty());
    let said = said.ok_or_else(|| CompletionsError::NoShell(program.to_owned()))?;
    match Path::new(&said).file_name().and_then(OsStr::to_str) {
        Some("bash") => Ok(Shell::Bash),
        Some("fish") => Ok(Shell::Fish),
        Some("zsh") => Ok(Shell::Zsh),
        _ => Err(CompletionsError::OtherShell {
            shell: said.to_string_lossy().into_owned(),
            program: program.to_owned(),
        }),
    }
}

/// The folder, the file's name in it, and what there is to do then.
fn place(
    program: &str,
    shell: Shell,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(PathBuf, String, String), CompletionsError> {
    // XDG's base directory specification 0.8: a path that is not absolute is to be ignored.
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("HOME").ok_or(CompletionsError::NoHome)?;
    let data = absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    Ok(match shell {
        Shell::Bash => {
            let own = absolute("BASH_COMPLETION_USER_DIR");
            let folder = own.unwrap_or_else(|| data.join("bash-completion")).join("completions");
            let next =
                "A new bash completes by it, where the package bash-completion is installed.";
            (folder, program.to_owned(), next.to_owned())
        }
        Shell::Fish => {
            let own = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
            let next = "fish completes by it at once.";
            (own.join("fish/completions"), format!("{program}.fish"), next.to_owned())
        }
        Shell::Zsh => {
            let listed = variable("FPATH").unwrap_or_default();
            let listed: Vec<_> = env::split_paths(&listed).collect();
            let own = listed.iter().find(|folder| folder.starts_with(&home));
            let folder = own.cloned().unwrap_or_else(|| data.join("zsh/site-functions"));
            let next = match own {
                Some(_) => "A new zsh completes by it.".to_owned(),
                None => format!(
                    "A new zsh completes by it once ~/.zshrc has this line, before compinit:\n  \
                     fpath=('{}' $fpath)",
                    folder.display()
                ),
            };
            (folder, format!("_{program}"), next)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What `install` says with these variables, below a home of its own.
    fn installed(home: &Path, set: &[(&str, &str)]) -> Result<String, String> {
        let filled: Vec<_> =
            set.iter().map(|(k, v)| (*k, v.replace('~', home.to_str().unwrap()))).collect();
        let variable = |name: &str| {
            filled.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let told = install_for("program", &variable, |shell| shell.name().into());
        let plain = |text: String| text.replace(home.to_str().unwrap(), "~");
        told.map(plain).map_err(|error| plain(error.to_string()))
    }

    #[test]
    fn each_shell_has_its_place() {
        let home = tempfile::tempdir().unwrap();
        for (set, file, next) in [
            (
                &[("SHELL", "/bin/bash")][..],
                ".local/share/bash-completion/completions/program",
                "bash-c",
            ),
            (
                &[("SHELL", "bash"), ("XDG_DATA_HOME", "~/d")],
                "d/bash-completion/completions/program",
                "",
            ),
            (
                &[("SHELL", "bash"), ("XDG_DATA_HOME", "d"), ("BASH_COMPLETION_USER_DIR", "~/b")],
                "b/completions/program",
                "",
            ),
            (&[("SHELL", "/usr/bin/fish")], ".config/fish/completions/program.fish", "at once"),
            (
                &[("SHELL", "fish"), ("XDG_CONFIG_HOME", "~/c")],
                "c/fish/completions/program.fish",
                "",
            ),
            (
                &[("SHELL", "/bin/zsh")],
                ".local/share/zsh/site-functions/_program",
                "fpath=('~/.local/share/zsh/site-functions' $fpath)",
            ),
            (
                &[("SHELL", "zsh"), ("FPATH", "/usr/share/zsh:~/.zfunc")],
                ".zfunc/_program",
                "A new zsh completes by it.",
            ),
        ] {
            let set = [set, &[("HOME", "~")]].concat();
            let told = installed(home.path(), &set).unwrap();
            assert!(told.starts_with(&format!("Wrote ~/{file}.\n")), "{set:?}: {told}");
            assert!(told.contains(next), "{set:?}: {told}");
            let text = fs::read_to_string(home.path().join(file)).unwrap();
            let first = text.lines().next().unwrap();
            assert!(set[0].1.ends_with(first), "{set:?}: {text}");
            let folder = home.path().join(file);
            let beside = fs::read_dir(folder.parent().unwrap()).unwrap().count();
            assert_eq!(beside, 1, "{set:?}: nothing but the file is left");
        }
    }

    #[test]
    fn its_own_file_is_written_again_and_nobody_elses_is() {
        let home = tempfile::tempdir().unwrap();
        let set = [("SHELL", "fish"), ("HOME", "~")];
        installed(home.path(), &set).unwrap();
        let file = home.path().join(".config/fish/completions/program.fish");
        let before = fs::read(&file).unwrap();
        installed(home.path(), &set).unwrap();
        assert_eq!(fs::read(&file).unwrap(), before);

        fs::write(&file, "somebody's").unwrap();
        let refused = installed(home.path(), &set).unwrap_err();
        assert!(
            refused.starts_with("~/.config/fish/completions/program.fish is there and"),
            "{refused}"
        );
        assert!(refused.ends_with("by `program completions fish`"), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's");

        let kept = home.path().join("kept");
        fs::write(&kept, before).unwrap();
        fs::remove_file(&file).unwrap();
        symlink(&kept, &file).unwrap();
        installed(home.path(), &set).unwrap_err();
        assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    }

    #[test]
    fn what_is_not_known_or_cannot_be_is_told() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".config"), "").unwrap();
        for (set, said) in [
            (&[("HOME", "~")][..], "SHELL is not set"),
            (&[("HOME", "~"), ("SHELL", "")], "SHELL is not set"),
            (
                &[("HOME", "~"), ("SHELL", "/bin/csh")],
                "expected SHELL to be bash, fish or zsh, found /bin/csh",
            ),
            (&[("SHELL", "/bin/bash")], "HOME is not set"),
            (&[("SHELL", "/bin/bash"), ("HOME", "here")], "HOME is not set to an absolute path"),
            (
                &[("HOME", "~"), ("SHELL", "fish")],
                "cannot write ~/.config/fish/completions/program.fish",
            ),
        ] {
            let refused = installed(home.path(), set).unwrap_err();
            assert!(refused.contains(said), "{set:?}: {refused}");
        }
    }
}
