//! The page: files that are part of the program, so it opens without a network and is as old as the
//! server that it shows.
//!
//! Everything is from here and nothing is inline: the Content-Security-Policy forbids whatever a
//! hostile probe might get into a name (CSP Level 3).

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    Site,
    failure::Failure,
    params::HostPath,
    tagged::{is_held, tag_of},
};

/// Scripts, styles, pictures and data from this server alone; no frame may hold the page. It may be installed
/// (`manifest.webmanifest`), and has no service worker: what one keeps is an old page of a monitor, which is worse
/// than none.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JSON: &str = "application/json";
const MANIFEST: &str = "application/manifest+json";

/// How long a browser keeps what it got: it asks each time whether it is still the same; or for a year, where the
/// address is another one when the content is (RFC 8246).
const ASKED: &str = "no-cache";
const KEPT: &str = "max-age=31536000, immutable";

/// The media types of the files.
pub(super) const KINDS: [&str; 5] =
    ["text/javascript", "text/css", "image/svg+xml", JSON, MANIFEST];

/// The file of every view; which one is meant, the script reads from the address. All that it names is
/// relative to the address, and begins with "./": a proxy may have it all below a path.
const INDEX: &str = include_str!("../../page/index.html");

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
    /// The same by gzip: packed when the program is built, and not for each reader.
    packed: &'static [u8],
}

/// A file as the build makes it of those in the page's folder (`build.rs`).
macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!(env!("OUT_DIR"), "/", $name)),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")),
        }
    };
}

/// Every file of the page, by its name under `/assets/`.
static ASSETS: [Asset; 10] = [
    asset!("icon.svg", "image/svg+xml"),
    asset!("manifest.webmanifest", MANIFEST),
    asset!("zh-CN.json", JSON),
    asset!("begin.js", JS),
    asset!("main.js", JS),
    asset!("main.css", CSS),
    asset!("theme.js", JS),
    asset!("login.js", JS),
    asset!("login.css", CSS),
    asset!("tokens.css", CSS),
];

/// What all files are together: another one when any of them is.
const VERSION: &str = include_str!(concat!(env!("OUT_DIR"), "/version"));

/// A page that names its files with their version, so that a browser asks for none that it has.
fn versioned(page: &str) -> String {
    let named = |page: String, asset: &Asset| {
        let name = format!("\"./assets/{}", asset.name);
        page.replace(&format!("{name}\""), &format!("{name}?{VERSION}\""))
    };
    ASSETS.iter().fold(page.to_owned(), named)
}

/// What is said of everything here.
fn headers_of(kind: &'static str, kept: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, kept),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// A page: asked for each time, and not sent again when it is the same, so that an update is seen at once.
fn answer(request: &HeaderMap, text: impl Into<Cow<'static, str>>) -> Response {
    let text = text.into();
    let mut headers = headers_of(HTML, ASKED);
    if let Some(tag) = tag_of(text.as_bytes()) {
        headers.insert(header::ETAG, tag.clone());
        if is_held(request, &tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    (headers, text).into_response()
}

/// The page where one signs in: it needs none of the others' scripts.
const LOGIN: &str = include_str!("../../page/login.html");

/// Where it has the way to the provider.
const PROVIDER: &str = "<!-- provider -->";

/// The page, at each of its addresses that is right below the root, wherever that is.
pub(super) async fn page(request: HeaderMap) -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| versioned(INDEX));
    answer(&request, PAGE.as_str())
}

/// Where one signs in: with a token, and at the provider, where there is one. Its name is one of a host, so
/// nothing in it is markup.
pub(super) async fn login(State(site): State<Arc<Site>>, request: HeaderMap) -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| versioned(LOGIN));
    let Some(name) = site.access.provider().map(|provider| provider.name()) else {
        return answer(&request, PAGE.as_str());
    };
    let link = format!(
        "<a id=\"provider\" href=\"./login/oidc\" data-zh=\"使用 {name} 登录\">Sign in with {name}</a>"
    );
    answer(&request, PAGE.replacen(PROVIDER, &link, 1))
}

/// The same one step further down.
pub(super) async fn inner_page(request: HeaderMap) -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| versioned(INDEX).replace("=\"./", "=\"../"));
    answer(&request, PAGE.as_str())
}

/// The names of all files, for the document.
pub(super) fn names() -> Vec<&'static str> {
    ASSETS.iter().map(|asset| asset.name).collect()
}

/// Whether who asks can unpack gzip (RFC 9110, 12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    let said = request.get_all(header::ACCEPT_ENCODING);
    said.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
            coding.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
        },
    )
}

/// `GET /assets/{name}`; with the version behind it, it is asked for once.
pub(super) async fn asset(
    HostPath(name): HostPath,
    RawQuery(version): RawQuery,
    request: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Failure::missing(format!("the page has no file {name:?}")).into_response();
    };
    let is_versioned = version.is_some_and(|version| version == VERSION);
    let mut headers = headers_of(asset.kind, if is_versioned { KEPT } else { ASKED });
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{VERSION}\"")) {
        headers.insert(header::ETAG, tag.clone());
        if is_held(&request, &tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    if takes_gzip(&request) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, asset.packed).into_response();
    }
    (headers, asset.text).into_response()
}

#[cfg(test)]
#[path = "../../build/page.rs"]
mod joined;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        io::Write,
        path::Path,
    };

    use flate2::{Compression, write::GzEncoder};

    use super::{
        joined::{join, lean},
        *,
    };

    /// What the page may have in all as it is sent, bytes: compressed, with the library of charts and the Chinese,
    /// which others do not fetch.
    const SENT_BYTES: usize = 250_000;

    fn compressed(text: &str) -> usize {
        let mut sink = GzEncoder::new(Vec::new(), Compression::default());
        sink.write_all(text.as_bytes()).unwrap();
        sink.finish().unwrap().len()
    }

    #[test]
    fn the_page_is_small_and_of_few_files() {
        let bytes =
            ASSETS.iter().map(|asset| asset.packed.len()).sum::<usize>() + compressed(INDEX);
        assert!(bytes <= SENT_BYTES, "{bytes} bytes");
        let named: Vec<_> = INDEX.split("=\"./assets/").skip(1).collect();
        // Its icon, its manifest, its style, the theme, what is begun first, and the script.
        assert_eq!(named.len(), 6, "{named:?}");
    }

    /// Of what the two scripts are made.
    const ROOTS: [&str; 2] = ["begin.js", "main.js"];

    fn modules(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
        texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_module_comes_behind_what_it_imports_once_and_keeps_its_names_to_itself() {
        let all = modules(&[
            (
                "main.js",
                "import {\n  b,\n  c as d,\n} from './b.js';\nimport { a } from './a.js';\nb(a, d);\n",
            ),
            (
                "b.js",
                "import { a } from './a.js';\nexport async function b() {}\nexport const c = a;\n",
            ),
            ("a.js", "const mine = 1;\nexport const a = mine;\n"),
            ("begin.js", "import { a } from './a.js';\na();\n"),
        ]);
        let [begin, main] = join(&all, ROOTS, "7").unwrap();
        let wanted = "export const $modules = {};\n\
            {\nconst mine = 1;\nconst a = mine;\n$modules['a.js'] = { a };\n}\n\
            {\nconst { a } = $modules['a.js'];\na();\n$modules['begin.js'] = {  };\n}\n";
        assert_eq!(begin, wanted);
        let wanted = "import { $modules } from './begin.js?7';\n\
            {\nconst { a } = $modules['a.js'];\nasync function b() {}\nconst c = a;\n\
            $modules['b.js'] = { b, c };\n}\n\
            {\nconst {b,c: d,} = $modules['b.js'];\nconst { a } = $modules['a.js'];\nb(a, d);\n\
            $modules['main.js'] = {  };\n}\n";
        assert_eq!(main, wanted);
    }

    #[test]
    fn what_cannot_be_joined_is_an_error_that_names_the_file() {
        let main = ("main.js", "import { a } from './a.js';\n");
        for (texts, said) in [
            (vec![main], "page/a.js: there is no such module"),
            (
                vec![main, ("a.js", "import { b } from './main.js';\nexport const a = b;\n")],
                "page/main.js: a circle of imports comes back to it",
            ),
            (vec![("main.js", ""), ("a.js", "")], "page/a.js: nothing imports it"),
            (
                vec![main, ("a.js", "export let a = 1;\n")],
                "page/a.js: not a declaration that stays: export let a = 1;",
            ),
            (
                vec![main, ("a.js", "export { a };\n")],
                "page/a.js: not a declaration that stays: export { a };",
            ),
            (
                vec![("main.js", "import a from './a.js';\n")],
                "page/main.js: not `import { a } from './b.js';`: import a from './a.js';",
            ),
            (vec![("main.js", "import {\n")], "page/main.js: an import without an end"),
        ] {
            let texts: Vec<_> = texts.into_iter().chain([("begin.js", "")]).collect();
            assert_eq!(join(&modules(&texts), ROOTS, "").unwrap_err(), said);
        }
    }

    #[test]
    fn comments_are_not_sent() {
        let text = "// What\n/** How,\n * long.\n */\nlet a = 1; // one\n\n  /* x */\n/* y */ b();\nc = '//';\n";
        assert_eq!(lean(text), "let a = 1; // one\n/* y */ b();\nc = '//';\n");
        for asset in &ASSETS {
            assert!(asset.kind != JS || !asset.text.contains("\n// "), "{}", asset.name);
        }
    }

    #[test]
    fn a_page_names_each_file_with_the_version_of_all() {
        for page in [INDEX, LOGIN] {
            let named = versioned(page);
            let files: Vec<_> = named.split("\"./assets/").skip(1).collect();
            assert!(files.len() >= 5, "{named}");
            for file in files {
                let (file, _) = file.split_once('"').unwrap();
                assert_eq!(file.split_once('?').map(|(_, version)| version), Some(VERSION));
            }
        }
    }

    #[test]
    fn who_says_nothing_of_gzip_or_refuses_it_gets_none() {
        let takes = |said: &str| {
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, said.parse().unwrap())]))
        };
        for said in ["gzip", "deflate, GZIP;q=0.5", "br , gzip ; q=1"] {
            assert!(takes(said), "{said}");
        }
        for said in ["", "br", "gzip;q=0", "gzip; q=0.000, br", "gzipped", "gzip;q=x"] {
            assert!(!takes(said), "{said}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn every_file_that_the_page_names_is_served_and_none_is_from_elsewhere() {
        let served: BTreeSet<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        let mut named = BTreeSet::new();
        for asset in &ASSETS {
            if asset.kind == JS {
                let names =
                    asset.text.split("new URL('./").skip(1).filter_map(|t| t.split('\'').next());
                // The page's own folder.
                named.extend(names.filter(|name| !name.is_empty()));
            }
        }
        for page in [INDEX, LOGIN] {
            named.extend(
                page.split("\"./assets/").skip(1).filter_map(|text| text.split('"').next()),
            );
            assert!(!page.contains("=\"/"), "nothing at the root");
            assert!(
                !page.contains("//cdn") && !page.contains("https://"),
                "nothing from elsewhere"
            );
        }
        assert_eq!(named, served, "named, and served: what is not in both is missing or of no use");
    }

    /// The page's own sources, by name.
    fn sources() -> BTreeMap<String, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| {
            path.extension()
                .is_some_and(|end| ["js", "css", "svg", "json"].iter().any(|e| end == *e))
        });
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        files
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), text(&path)))
            .collect()
    }

    #[test]
    fn no_source_of_the_page_takes_text_for_markup_or_names_something_at_a_root() {
        let sources = sources();
        assert!(sources.len() > 100, "{}", sources.len());
        for (name, text) in sources.iter().filter(|(name, _)| !name.starts_with("package")) {
            assert!(!text.contains("innerHTML"), "{name}: text goes in as text");
            for quote in ["'/", "`/", "\"/"] {
                let named = text
                    .split(quote)
                    .skip(1)
                    .find(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '?'));
                assert_eq!(named, None, "{name} names something at a root that may be another's");
            }
        }
    }
}
