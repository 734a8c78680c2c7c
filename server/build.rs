//! Puts the chart library, uPlot from npm by `page/package-lock.json`, where the page takes it from.
//!
//! Without npm or the network the build goes on, and the page says in place of its charts why there
//! are none. Nothing of npm's is run: the package has no install scripts, and none would be.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

fn main() {
    println!("cargo::rerun-if-changed=page/package.json");
    println!("cargo::rerun-if-changed=page/package-lock.json");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").unwrap_or_default();
    let out = Path::new(&out);
    let (script, style) = match fetch(out) {
        Ok((script, style)) => {
            (format!("{script}\nexport {{ uPlot }};\nexport const missing = null;\n"), style)
        }
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
    for (name, text) in [("uplot.js", script), ("uplot.css", style)] {
        if let Err(error) = fs::write(out.join(name), text) {
            println!("cargo::error=cannot write {name}: {error}");
        }
    }
}

/// The library's script and style.
fn fetch(out: &Path) -> Result<(String, String), String> {
    let dir = out.join("page");
    fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(Path::new("page").join(file), dir.join(file)).map_err(|e| e.to_string())?;
    }
    let limits = ["--fetch-retries=1", "--fetch-timeout=20000"];
    let ended = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"])
        .args(limits)
        .current_dir(&dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "npm was not found".to_owned())?;
    if !ended.status.success() {
        return Err("npm could not fetch it".to_owned());
    }
    let read = |file: &str| {
        let path = dir.join("node_modules/uplot/dist").join(file);
        fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))
    };
    // The small form of it: within a module its variable is the module's own, and is exported as such.
    Ok((read("uPlot.iife.min.js")?, read("uPlot.min.css")?))
}
