//! Joins the page's modules to two scripts: a browser has six connections over HTTP/1.1 and takes some milliseconds for
//! each file, so that a hundred of them cost more than all that they do. The first one is small, and asks the server
//! for what is shown first while the other is on its way.
//!
//! Each module becomes a block of its own in the order of what they import, what it exports an entry of one object. That
//! needs no more of the language than the sources use: named imports from `./`, exports of declarations that are never
//! assigned again, and no circles. Whatever else there is, is an error here and not in somebody's browser.

use std::collections::BTreeMap;

/// What holds the modules in the joined scripts.
const ALL: &str = "$modules";

/// The modules that `begin` needs, and itself, joined in the order in which they can run; and those that `main` needs
/// beside them, as a script that imports the first one as `begin` with `version` behind it.
///
/// # Errors
/// A module that is not there, a circle, or a form of import or export that is not known.
pub(crate) fn join(
    modules: &BTreeMap<String, String>,
    [begin, main]: [&str; 2],
    version: &str,
) -> Result<[String; 2], String> {
    let mut done = BTreeMap::new();
    let mut first = format!("export const {ALL} = {{}};\n");
    add(modules, begin, &mut done, &mut first)?;
    let mut rest = format!("import {{ {ALL} }} from './{begin}?{version}';\n");
    add(modules, main, &mut done, &mut rest)?;
    match modules.keys().find(|name| !done.contains_key(*name)) {
        Some(name) => Err(format!("page/{name}: nothing imports it")),
        None => Ok([first, rest]),
    }
}

/// Adds a module behind those that it imports. In `done` a module that is being added has `false`.
fn add(
    modules: &BTreeMap<String, String>,
    name: &str,
    done: &mut BTreeMap<String, bool>,
    joined: &mut String,
) -> Result<(), String> {
    match done.get(name) {
        Some(true) => return Ok(()),
        Some(false) => return Err(format!("page/{name}: a circle of imports comes back to it")),
        None => done.insert(name.to_owned(), false),
    };
    let text = modules.get(name).ok_or_else(|| format!("page/{name}: there is no such module"))?;
    let module = Module::read(text).map_err(|what| format!("page/{name}: {what}"))?;
    for from in &module.needs {
        add(modules, from, done, joined)?;
    }
    let exports = module.exports.join(", ");
    joined.push_str(&format!("{{\n{}{ALL}['{name}'] = {{ {exports} }};\n}}\n", module.body));
    done.insert(name.to_owned(), true);
    Ok(())
}

/// A module in the form of a block.
struct Module {
    /// The modules that it imports, by file name.
    needs: Vec<String>,
    /// Its text, the imports as declarations, the exports as what they export.
    body: String,
    exports: Vec<String>,
}

impl Module {
    fn read(text: &str) -> Result<Self, String> {
        let mut module = Self { needs: Vec::new(), body: String::new(), exports: Vec::new() };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("import ") {
                let mut import = line.to_owned();
                while !import.ends_with(';') {
                    import.push_str(lines.next().ok_or("an import without an end")?.trim());
                }
                module
                    .import(&import)
                    .ok_or_else(|| format!("not `import {{ a }} from './b.js';`: {import}"))?;
            } else if let Some(declared) = line.strip_prefix("export ") {
                let name = declared_name(declared)
                    .ok_or_else(|| format!("not a declaration that stays: {line}"))?;
                module.exports.push(name.to_owned());
                module.line(declared);
            } else {
                module.line(line);
            }
        }
        Ok(module)
    }

    fn line(&mut self, line: &str) {
        self.body.push_str(line);
        self.body.push('\n');
    }

    fn import(&mut self, import: &str) -> Option<()> {
        let (names, from) = import.strip_prefix("import {")?.split_once("} from './")?;
        let from = from.strip_suffix("';")?;
        self.needs.push(from.to_owned());
        self.line(&format!("const {{{}}} = {ALL}['{from}'];", names.replace(" as ", ": ")));
        Some(())
    }
}

/// The name that is declared, of a function, a class or a constant.
fn declared_name(declared: &str) -> Option<&str> {
    let rest = declared.strip_prefix("async ").unwrap_or(declared);
    let kinds = ["function ", "class ", "const ", "var "];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$')?;
    (end > 0).then(|| &rest[..end])
}

/// A script or a style without the lines that are comments alone, a seventh of all.
pub(crate) fn lean(text: &str) -> String {
    let mut in_comment = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.trim();
        let begins =
            words.starts_with("/*") && words.find("*/").is_none_or(|at| at + 2 == words.len());
        let is_comment = in_comment || begins || words.starts_with("//");
        in_comment = (in_comment || begins) && !words.ends_with("*/");
        if !is_comment && !words.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
