//! Makes the page's files as they are sent: the modules of `page/` joined to two (`build/page.rs`), with the chart
//! library, uPlot from npm by `page/package-lock.json`; and each once more, packed.
//!
//! Without npm or the network the build goes on, and the page says in place of its charts why there
//! are none. Nothing of npm's is run: the package has no install scripts, and none would be.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    process::{Command, Stdio},
};

use libdeflater::{CompressionLvl, Compressor};

#[path = "build/page.rs"]
mod page;

/// The page's folder.
const PAGE: &str = "page";

/// The scripts that are sent by themselves: the theme is there before anything is painted, and where one signs in
/// nothing else is needed.
const APART: [&str; 2] = ["theme.js", "login.js"];

/// The styles of the page, joined in this order, behind those of the charts.
const STYLES: [&str; 10] = [
    "tokens.css",
    "ui.css",
    "fleet.css",
    "adding.css",
    "alerts.css",
    "wall.css",
    "host.css",
    "compare.css",
    "boards.css",
    "availability.css",
];

/// The styles of the page where one signs in, which are sent by themselves.
const LOGIN_STYLES: [&str; 2] = ["tokens.css", "login.css"];

/// The files that are sent as they are.
const PLAIN: [&str; 3] = ["icon.svg", "manifest.webmanifest", "zh-CN.json"];

fn main() {
    let out = env::var("OUT_DIR").unwrap_or_default();
    if let Err(error) = make(Path::new(&out)) {
        println!("cargo::error={error}");
    }
}

fn make(out: &Path) -> Result<(), String> {
    // Not the folder itself, in which npm may have put its own: a file that is new is imported by one that changes.
    for path in ["build.rs", "build", "page/package.json", "page/package-lock.json"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let (script, style) = match charts(out) {
        Ok((script, style)) => (format!("{script}\nexport const missing = null;\n"), style),
        Err(why) => {
            println!("cargo::warning=the page will have no charts: {why}");
            let words = format!(
                "There are no charts: this program was built without the chart library ({why})."
            );
            (
                format!("export const uPlot = null;\nexport const missing = {words:?};\n"),
                String::new(),
            )
        }
    };
    let mut modules = BTreeMap::from([("uplot.js".to_owned(), script)]);
    let listed = fs::read_dir(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    for entry in listed {
        let name = entry.map_err(|error| format!("{PAGE}: {error}"))?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".js") && !APART.contains(&&*name) {
            modules.insert(name.to_string(), read(&name)?);
        }
    }
    let styles = STYLES.iter().map(|name| read(name)).collect::<Result<String, _>>()?;
    let mut files = vec![("main.css", page::lean(&(style + "\n" + &styles)))];
    for name in APART.into_iter().chain(LOGIN_STYLES) {
        files.push((name, page::lean(&read(name)?)));
    }
    for name in PLAIN {
        files.push((name, read(name)?));
    }
    // Another one when anything of the page is, whatever its name.
    let mut all = DefaultHasher::new();
    (&modules, &files).hash(&mut all);
    let version = format!("{:016x}", all.finish());
    let names = ["begin.js", "main.js"];
    let joined = page::join(&modules, names, &version)?;
    files.extend(names.into_iter().zip(joined.map(|script| page::lean(&script))));
    for (name, text) in &files {
        write(out, name, text.as_bytes())?;
        write(out, &format!("{name}.gz"), &packed(text)?)?;
    }
    write(out, "version", version.as_bytes())
}

/// A file of the page; the next build comes after it is changed.
fn read(name: &str) -> Result<String, String> {
    let path = Path::new(PAGE).join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(out: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    fs::write(out.join(name), bytes).map_err(|error| format!("cannot write {name}: {error}"))
}

/// A text by gzip, as small as it gets: it is packed once and sent often.
fn packed(text: &str) -> Result<Vec<u8>, String> {
    let mut packer = Compressor::new(CompressionLvl::best());
    let mut packed = vec![0; packer.gzip_compress_bound(text.len())];
    let length = packer
        .gzip_compress(text.as_bytes(), &mut packed)
        .map_err(|error| format!("cannot pack the page: {error}"))?;
    packed.truncate(length);
    Ok(packed)
}

/// The chart library's script and style.
fn charts(out: &Path) -> Result<(String, String), String> {
    let dir = out.join("page");
    fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let mut is_here = dir.join("node_modules/uplot/dist").exists();
    for file in ["package.json", "package-lock.json"] {
        let (from, to) = (Path::new(PAGE).join(file), dir.join(file));
        let wanted = fs::read(from).map_err(|error| error.to_string())?;
        is_here &= fs::read(&to).is_ok_and(|held| held == wanted);
        fs::write(to, wanted).map_err(|error| error.to_string())?;
    }
    if !is_here {
        fetch(&dir)?;
    }
    let read = |file: &str| {
        let path = dir.join("node_modules/uplot/dist").join(file);
        fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))
    };
    // Half as large as the module that the package has; its one name becomes an export.
    let script = read("uPlot.iife.min.js")?;
    match script.split_once("\nvar uPlot=") {
        Some((head, rest)) => {
            Ok((format!("{head}\nexport var uPlot={rest}"), read("uPlot.min.css")?))
        }
        None => Err("uPlot.iife.min.js does not declare `uPlot`".to_owned()),
    }
}

fn fetch(dir: &Path) -> Result<(), String> {
    let limits = ["--fetch-retries=1", "--fetch-timeout=20000"];
    let ended = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"])
        .args(limits)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "npm was not found".to_owned())?;
    if ended.status.success() { Ok(()) } else { Err("npm could not fetch it".to_owned()) }
}
