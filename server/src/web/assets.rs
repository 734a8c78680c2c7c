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
    extract::State,
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

/// The media types of the files.
pub(super) const KINDS: [&str; 5] =
    ["text/javascript", "text/css", "image/svg+xml", JSON, MANIFEST];

/// The file of every view; which one is meant, the script reads from the address. All that it names is
/// relative to the address, and begins with "./": a proxy may have it all below a path.
const INDEX: &str = include_str!("../../page/index.html");

/// The scripts of the page's folder, as [`ASSETS`] has them.
macro_rules! scripts {
    ($($name:literal)*) => {
        &[$(($name, JS, include_str!(concat!("../../page/", $name)))),*]
    };
}

/// Every file of the page, by its name under `/assets/`.
const ASSETS: &[&[(&str, &str, &str)]] = &[
    &[
        ("icon.svg", "image/svg+xml", include_str!("../../page/icon.svg")),
        ("tokens.css", CSS, include_str!("../../page/tokens.css")),
        ("ui.css", CSS, include_str!("../../page/ui.css")),
        ("fleet.css", CSS, include_str!("../../page/fleet.css")),
        ("adding.css", CSS, include_str!("../../page/adding.css")),
        ("alerts.css", CSS, include_str!("../../page/alerts.css")),
        ("wall.css", CSS, include_str!("../../page/wall.css")),
        ("host.css", CSS, include_str!("../../page/host.css")),
        ("compare.css", CSS, include_str!("../../page/compare.css")),
        ("boards.css", CSS, include_str!("../../page/boards.css")),
        ("login.css", CSS, include_str!("../../page/login.css")),
        ("manifest.webmanifest", MANIFEST, include_str!("../../page/manifest.webmanifest")),
        ("zh-CN.json", JSON, include_str!("../../page/zh-CN.json")),
        ("uplot.js", JS, include_str!(concat!(env!("OUT_DIR"), "/uplot.js"))),
        ("uplot.css", CSS, include_str!(concat!(env!("OUT_DIR"), "/uplot.css"))),
    ],
    scripts! {
        "adding.js"
        "alerts.js"
        "annotations.js"
        "answers.js"
        "api.js"
        "attempts.js"
        "attention.js"
        "audit.js"
        "band.js"
        "banners.js"
        "board.js"
        "boardcharts.js"
        "boards.js"
        "boardtext.js"
        "boardwall.js"
        "catalogue.js"
        "cause.js"
        "cells.js"
        "charts.js"
        "charttools.js"
        "columns.js"
        "compare.js"
        "comparing.js"
        "csv.js"
        "cursor.js"
        "deeds.js"
        "dom.js"
        "ends.js"
        "events.js"
        "figures.js"
        "filling.js"
        "filters.js"
        "finder.js"
        "fired.js"
        "firing.js"
        "fleet.js"
        "format.js"
        "gaps.js"
        "graph.js"
        "graphs.js"
        "happened.js"
        "head.js"
        "headline.js"
        "heat.js"
        "host.js"
        "i18n.js"
        "inks.js"
        "inventory.js"
        "items.js"
        "keys.js"
        "latest.js"
        "ledger.js"
        "legend.js"
        "listing.js"
        "live.js"
        "login.js"
        "look.js"
        "main.js"
        "map.js"
        "me.js"
        "moved.js"
        "multiples.js"
        "news.js"
        "orders.js"
        "pace.js"
        "paint.js"
        "palette.js"
        "past.js"
        "picked.js"
        "pin.js"
        "place.js"
        "plot.js"
        "points.js"
        "press.js"
        "ranking.js"
        "reboots.js"
        "recipe.js"
        "rowgraphs.js"
        "rows.js"
        "said.js"
        "sentences.js"
        "server.js"
        "side.js"
        "span.js"
        "spark.js"
        "stood.js"
        "strip.js"
        "subject.js"
        "summary.js"
        "sums.js"
        "tables.js"
        "theme.js"
        "ticks.js"
        "tiles.js"
        "together.js"
        "tools.js"
        "trace.js"
        "traces.js"
        "treemap.js"
        "trouble.js"
        "view.js"
        "wall.js"
        "whole.js"
        "words.js"
        "zone.js"
    },
];

/// All of them, one after another.
fn assets() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    ASSETS.iter().copied().flatten()
}

/// The files as they are sent.
static SENT: LazyLock<Vec<(&str, &str, String)>> = LazyLock::new(|| {
    let lean = |kind, text| if kind == JS || kind == CSS { lean(text) } else { text.to_owned() };
    assets().map(|(name, kind, text)| (*name, *kind, lean(*kind, text))).collect()
});

/// A script or a style without the lines that are comments alone, a seventh of all: in their places are empty ones,
/// so that a place that a browser names is that of the source.
fn lean(text: &str) -> String {
    let mut in_comment = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let words = line.trim();
        let begins =
            words.starts_with("/*") && words.find("*/").is_none_or(|at| at + 2 == words.len());
        let is_comment = in_comment || begins || words.starts_with("//");
        in_comment = (in_comment || begins) && !words.ends_with("*/");
        if !is_comment {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

fn answer(request: &HeaderMap, kind: &'static str, text: impl Into<Cow<'static, str>>) -> Response {
    let text = text.into();
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, kind);
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    // Asked for each time, and not sent again when it is the same: an update is seen at once.
    set(header::CACHE_CONTROL, "no-cache");
    if let Some(tag) = tag_of(text.as_bytes()) {
        headers.insert(header::ETAG, tag.clone());
        if is_held(request, &tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    (headers, text).into_response()
}

/// Scripts that the index does not have as modules: it names the first itself, so that the theme is there before
/// anything is painted, and the other is of the page where one signs in.
const APART: [&str; 2] = ["theme.js", "login.js"];

/// The page where one signs in: it needs none of the others' scripts.
const LOGIN: &str = include_str!("../../page/login.html");

/// Where it has the way to the provider.
const PROVIDER: &str = "<!-- provider -->";

/// The index, with a hint at each module: all are asked for at once, and not each only when the one
/// before it is there and names it.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let scripts = assets().filter(|(name, kind, _)| *kind == JS && !APART.contains(name));
    let hints: String = scripts
        .map(|(name, ..)| format!("<link rel=\"modulepreload\" href=\"./assets/{name}\" />\n"))
        .collect();
    INDEX.replacen("</head>", &format!("{hints}</head>"), 1)
});

/// The page, at each of its addresses that is right below the root, wherever that is.
pub(super) async fn page(request: HeaderMap) -> Response {
    answer(&request, HTML, PAGE.as_str())
}

/// Where one signs in: with a token, and at the provider, where there is one. Its name is one of a host, so
/// nothing in it is markup.
pub(super) async fn login(State(site): State<Arc<Site>>, request: HeaderMap) -> Response {
    let Some(name) = site.access.provider().map(|provider| provider.name()) else {
        return answer(&request, HTML, LOGIN);
    };
    let link = format!(
        "<a id=\"provider\" href=\"./login/oidc\" data-zh=\"使用 {name} 登录\">Sign in with {name}</a>"
    );
    answer(&request, HTML, LOGIN.replacen(PROVIDER, &link, 1))
}

/// The same one step further down.
pub(super) async fn inner_page(request: HeaderMap) -> Response {
    static INNER: LazyLock<String> = LazyLock::new(|| PAGE.replace("=\"./", "=\"../"));
    answer(&request, HTML, INNER.as_str())
}

/// The names of all files, for the document.
pub(super) fn names() -> Vec<&'static str> {
    assets().map(|(name, _, _)| *name).collect()
}

/// `GET /assets/{name}`.
pub(super) async fn asset(HostPath(name): HostPath, request: HeaderMap) -> Response {
    match SENT.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => answer(&request, kind, text),
        None => Failure::missing(format!("the page has no file {name:?}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, io::Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// What the page may have in all as it is sent, bytes: compressed, with the library of charts and the Chinese,
    /// which others do not fetch.
    const SENT_BYTES: usize = 250_000;

    fn compressed(text: &str) -> usize {
        let mut sink = GzEncoder::new(Vec::new(), Compression::default());
        sink.write_all(text.as_bytes()).unwrap();
        sink.finish().unwrap().len()
    }

    #[test]
    fn the_page_is_small_and_all_its_scripts_are_asked_for_at_once() {
        let bytes: usize =
            SENT.iter().map(|(.., text)| compressed(text)).sum::<usize>() + compressed(&PAGE);
        assert!(bytes <= SENT_BYTES, "{bytes} bytes");
        for (name, ..) in
            assets().filter(|(name, ..)| name.ends_with(".js") && !APART.contains(name))
        {
            let hint = format!("rel=\"modulepreload\" href=\"./assets/{name}\"");
            assert_eq!(PAGE.matches(&hint).count(), 1, "{name}");
        }
        assert!(PAGE.find("modulepreload") < PAGE.find("</head>"));
    }

    #[test]
    fn comments_are_not_sent_and_all_else_stays_in_its_place() {
        let text = "// What\n/** How,\n * long.\n */\nlet a = 1; // one\n  /* x */\n/* y */ b();\nc = '//';\n";
        assert_eq!(lean(text), "\n\n\n\nlet a = 1; // one\n\n/* y */ b();\nc = '//';\n");
        for (name, kind, text) in &*SENT {
            assert!(*kind != JS || !text.contains("\n// "), "{name}");
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_served_and_none_is_from_elsewhere() {
        let served: BTreeSet<&str> = assets().map(|(name, _, _)| *name).collect();
        let mut named = BTreeSet::new();
        for (_, kind, text) in assets().filter(|(name, _, _)| *name != "uplot.js") {
            if *kind == JS {
                for begin in ["from './", "new URL('./"] {
                    let names = text.split(begin).skip(1).filter_map(|t| t.split('\'').next());
                    // The page's own folder.
                    named.extend(names.filter(|name| !name.is_empty()));
                }
            }
            assert!(!text.contains("innerHTML"), "text goes in as text");
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
        for (name, _, text) in assets().filter(|(name, ..)| !name.starts_with("uplot")) {
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
