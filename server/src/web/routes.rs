//! Every route there is: where, what answers, and what a caller has to know.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn_with_state, map_response},
};
use serde_json::json;
use std::sync::Arc;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate as _, SizeAbove},
    },
};

use super::{
    MAX_BODY_BYTES, Site, alerts, api,
    asked::{
        AlarmEventsAsked, AlarmsAsked, AvailabilityAsked, ChangesAsked, CompareAsked, ExplainAsked,
        FleetEventsAsked, HostAsked, HostMetricsAsked, HostsAsked, LimitAsked, LossesAsked,
        PollsAsked, RowSeriesAsked, RulesAsked, SeriesAsked, TargetsAsked, TopAsked,
    },
    assets,
    below::below,
    body, control, failure, gate, ledger, losses,
    openapi::Routes,
    operation::{AWAY, BAD, MISSING, OK, Operation, of_host},
    own,
    params::Param,
    prometheus, said, several, stream,
};
use crate::{
    model::{DetailTable, Role},
    query::{
        AlarmEventsPage, AlarmsPage, AvailabilityShape, ChangesShape, CompareShape, EventsPage,
        ExplainedShape, Fleet, FleetEventsPage, Glossary, HostShape, HostsPage, LoadedShape,
        LossesPage, OwnShape, PollShape, PollsPage, Readiness, RowSeriesShape, RulesPage,
        SeriesShape, TargetShape, TopShape, WhyShape,
    },
};

/// Answers shorter than this are not packed, bytes: they fit one packet as they are.
const PACKED_ABOVE: u16 = 1_024;

/// The router, with what holds for all of it.
pub(super) fn router(site: Arc<Site>) -> Router {
    let predicate = DefaultPredicate::new().and(SizeAbove::new(PACKED_ABOVE));
    let packing = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let gate = from_fn_with_state(Arc::clone(&site), gate::check);
    let base_path = site.base_path.clone();
    let router = said::routes(host(whole(fleet(own(Routes::new())))))
        .finish(site.access.is_guarded(), &base_path)
        .fallback(failure::not_found)
        .method_not_allowed_fallback(failure::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(gate)
        .layer(map_response(gate::shield))
        .layer(packing.compress_when(predicate))
        .with_state(site);
    below(&base_path, router)
}

fn page(name: &'static str, summary: &'static str) -> Operation {
    Operation::new(name, summary).writes("text/html", "The page").tagged()
}

/// The page, and what the server says of itself.
fn own(routes: Routes) -> Routes {
    let any =
        Param::path("name", json!({ "type": "string" }), "The host's name; the page asks for it");
    let any_board =
        Param::path("name", json!({ "type": "string" }), "The board's name; the page asks for it");
    let board = page("board_page", "The page: a board").takes(any_board);
    let file =
        Param::path("name", json!({ "type": "string", "enum": assets::names() }), "The file");
    let mut assets = Operation::new("asset", "A file of the page").takes(file).open();
    for kind in assets::KINDS {
        assets = assets.writes(kind, "The file");
    }
    let readyz = Operation::new("readyz", "Whether the server does its work, and if not why")
        .whole()
        .answers::<Readiness>(OK, "It does")
        .answers::<Readiness>(AWAY, "It does not")
        .fails(&[BAD]);
    let healthz = Operation::new("healthz", "Whether the process lives")
        .writes("text/plain", "It does")
        .fails(&[BAD])
        .open();
    let leader = Operation::new("leader", "Whether this server polls, or is a standby")
        .writes("text/plain", "It polls")
        .fails(&[BAD, AWAY])
        .open();
    let metrics = Operation::new("metrics", "The server's metrics of itself")
        .whole()
        .sends("OpenMetrics 1.0, as application/openmetrics-text")
        .fails(&[BAD, StatusCode::INTERNAL_SERVER_ERROR]);
    routes
        .get("/", assets::page, page("fleet_page", "The page: the fleet"))
        .get("/hosts/{name}", assets::inner_page, page("host_page", "The page: a host").takes(any))
        .get("/alerts", assets::page, page("alerts_page", "The page: alarms"))
        .get("/compare", assets::page, page("compare_page", "The page: hosts beside each other"))
        .get("/boards", assets::page, page("boards_page", "The page: boards"))
        .get("/boards/{name}", assets::inner_page, board)
        .get("/availability", assets::page, page("availability_page", "The page: availability"))
        .get("/events", assets::page, page("events_page", "The page: changes of state"))
        .get("/inventory", assets::page, page("inventory_page", "The page: the inventory"))
        .get("/server", assets::page, page("server_page", "The page: the server"))
        .get("/assets/{name}", assets::asset, assets.tagged().fails(&[BAD, MISSING]))
        .get("/login", assets::login, page("login_page", "Where one signs in").open())
        .get("/healthz", own::healthz, healthz)
        .get("/leader", own::leader, leader)
        .get("/readyz", own::readyz, readyz)
        .get("/metrics", own::metrics, metrics)
}

/// What is asked of the whole fleet.
fn fleet(routes: Routes) -> Routes {
    let columns = Operation::new("columns", "Every value's name, unit and meaning")
        .answers::<Glossary>(OK, "All of them")
        .tagged()
        .fails(&[BAD]);
    let fleet = Operation::new("fleet", "The whole fleet at a glance, a row of cells per host")
        .answers::<Fleet>(OK, "As it is now")
        .fails(&[BAD, AWAY]);
    let events = Operation::new("fleet_events", "Changes of state over the fleet, newest first")
        .asks::<FleetEventsAsked>()
        .answers::<FleetEventsPage>(OK, "The changes")
        .fails(&[BAD, AWAY]);
    let last = "The `id` of the last event that came: the stream goes on after it, or begins with `fleet` when \
                it is not known any more";
    let words = "Server-sent events: `fleet`, then `change` when something did, looked at once a second, or `beat`";
    let stream = Operation::new("stream", words)
        .takes(Param::header("Last-Event-ID", json!({ "type": "string" }), last))
        .writes("text/event-stream", "A stream, for at most 100 s; come back then")
        .fails(&[BAD, AWAY]);
    let alerts = Operation::new("alerts", "Alarms that are not ok, what matters most first")
        .asks::<AlarmsAsked>()
        .answers::<AlarmsPage>(OK, "As they are now")
        .fails(&[BAD, AWAY]);
    let alert_events = Operation::new("alert_events", "Changes of alarms, newest first")
        .asks::<AlarmEventsAsked>()
        .answers::<AlarmEventsPage>(OK, "The changes")
        .fails(&[BAD, MISSING, AWAY]);
    let alert_rules = Operation::new("alert_rules", "The alert rules in force")
        .asks::<RulesAsked>()
        .answers::<RulesPage>(OK, "In the order of their file")
        .fails(&[BAD, MISSING, AWAY]);
    let hosts = Operation::new("hosts", "Hosts by name: state, facts, last poll")
        .asks::<HostsAsked>()
        .answers::<HostsPage>(OK, "A page of them")
        .fails(&[BAD, AWAY]);
    let host_metrics = Operation::new("host_metrics", "Every host's newest values, for Prometheus")
        .asks::<HostMetricsAsked>()
        .sends(
            "OpenMetrics 1.0, as application/openmetrics-text, or Prometheus text 0.0.4, by Accept",
        )
        .fails(&[BAD, MISSING, AWAY]);
    let targets = Operation::new("targets", "Hosts as targets, for Prometheus' http_sd_configs")
        .asks::<TargetsAsked>()
        .answers::<Vec<TargetShape>>(OK, "A target per host")
        .fails(&[BAD, MISSING]);
    routes
        .get("/metrics/hosts", prometheus::host_metrics, host_metrics)
        .get("/api/v1/sd/prometheus", prometheus::targets, targets)
        .get("/api/v1/columns", api::columns, columns)
        .get("/api/v1/fleet", api::fleet, fleet)
        .get("/api/v1/events", api::fleet_events, events)
        .get("/api/v1/series", several::compare, compare())
        .get("/api/v1/top", several::top, top())
        .get("/api/v1/availability", several::availability, availability())
        .get("/api/v1/alerts", alerts::alerts, alerts)
        .get("/api/v1/alert_events", alerts::events, alert_events)
        .get("/api/v1/alert_rules", alerts::rules, alert_rules)
        .get("/api/v1/stream", stream::stream, stream)
        .get("/api/v1/hosts", api::hosts, hosts)
}

/// What is asked of the server as a whole: for nobody who may see some groups alone.
fn whole(routes: Routes) -> Routes {
    let inventory = Operation::new("inventory", "What is loaded, and what the last reload changed")
        .whole()
        .answers::<LoadedShape>(OK, "As it is in force")
        .fails(&[BAD]);
    let reload = Operation::new("reload", "Look at the inventory file at once")
        .role(Role::Admin)
        .whole()
        .reads::<control::ReloadAsked>()
        .answers::<control::ReloadTold>(OK, "What came of it")
        .fails(&[BAD, AWAY]);
    let server = Operation::new("server", "All that the server says of itself")
        .whole()
        .answers::<OwnShape>(OK, "Readiness, polling, writer, store")
        .fails(&[BAD]);
    let server_events =
        Operation::new("server_events", "When the server took itself for cut off, newest first")
            .whole()
            .asks::<LimitAsked>()
            .answers::<EventsPage>(OK, "The changes")
            .fails(&[BAD, AWAY]);
    let losses = Operation::new("losses", "What was polled and could not be kept, oldest first")
        .whole()
        .asks::<LossesAsked>()
        .answers::<LossesPage>(OK, "The losses")
        .fails(&[BAD, AWAY]);
    routes
        .get("/api/v1/inventory", api::inventory, inventory)
        .post("/api/v1/inventory/reload", control::reload, reload)
        .get("/api/v1/server", api::server, server)
        .get("/api/v1/server/events", api::server_events, server_events)
        .get("/api/v1/losses", losses::losses, losses)
}

/// What is asked of one host, and done to it.
fn host(routes: Routes) -> Routes {
    let one = of_host("host", "One host, with what repeats per core, interface, disk and mount")
        .asks::<HostAsked>()
        .answers::<HostShape>(OK, "The host");
    let why = of_host("why", "Why it is in its state: the last attempts, step by step")
        .answers::<WhyShape>(OK, "What explains it");
    let changes = of_host("changes", "What moved most in a span, against the span before it")
        .asks::<ChangesAsked>()
        .answers::<ChangesShape>(OK, "What moved, most first");
    let events = of_host("events", "Its changes of state, newest first")
        .asks::<LimitAsked>()
        .answers::<EventsPage>(OK, "The changes");
    let explain = of_host("alert", "What an alert rule says of it, by its last poll, and why")
        .asks::<ExplainAsked>()
        .answers::<ExplainedShape>(OK, "Each comparison with the value that it has");
    let accept = of_host("accept", "Let another machine answer for it")
        .reads::<body::Nothing>()
        .answers::<control::Accepted>(OK, "It may");
    let poll = of_host("poll", "Poll it now, or join the poll that is under way")
        .reads::<body::Nothing>()
        .answers::<PollShape>(OK, "What came of it: a poll that failed is an answer too")
        .fails(&[StatusCode::CONFLICT]);
    let pause = of_host("pause", "Freeze its state as paused")
        .reads::<control::PauseAsked>()
        .answers::<HostShape>(OK, "The host as it is then")
        .fails(&[StatusCode::CONFLICT]);
    let resume = of_host("resume", "End its pause")
        .reads::<body::Nothing>()
        .answers::<HostShape>(OK, "The host as it is then")
        .fails(&[StatusCode::CONFLICT]);
    routes
        .get("/api/v1/hosts/{name}", api::host, one)
        .get("/api/v1/hosts/{name}/polls", ledger::polls, polls())
        .get("/api/v1/hosts/{name}/series", api::series, series())
        .get("/api/v1/hosts/{name}/series/{table}", api::row_series, row_series())
        .get("/api/v1/hosts/{name}/events", api::events, events)
        .get("/api/v1/hosts/{name}/changes", api::changes, changes)
        .get("/api/v1/hosts/{name}/why", api::why, why)
        .get("/api/v1/hosts/{name}/alert", alerts::explain, explain)
        .post("/api/v1/hosts/{name}/accept", control::accept, accept)
        .post("/api/v1/hosts/{name}/poll", control::poll, poll)
        .post("/api/v1/hosts/{name}/pause", control::pause, pause)
        .post("/api/v1/hosts/{name}/resume", control::resume, resume)
}

fn polls() -> Operation {
    of_host("polls", "Its polls, one row per attempt, failed ones included")
        .asks::<PollsAsked>()
        .answers::<PollsPage>(OK, "A page of them")
}

fn series() -> Operation {
    of_host("series", "Its values over time, for charts, from the cheapest tier that will do")
        .asks::<SeriesAsked>()
        .answers::<SeriesShape>(OK, "Points equally far apart, gaps included")
}

fn row_series() -> Operation {
    let words: Vec<_> = DetailTable::ALL.iter().map(|table| table.as_str()).collect();
    let schema = json!({ "type": "string", "enum": words });
    of_host("row_series", "Its cores, interfaces, disks, mounts or processes over time, from polls")
        .takes(Param::path("table", schema, "The list of `detail` that the rows are in"))
        .asks::<RowSeriesAsked>()
        .answers::<RowSeriesShape>(OK, "Points equally far apart, gaps included")
}

fn compare() -> Operation {
    let words = "One value of several hosts over time: of up to 12 each, of more how they spread";
    Operation::new("compare", words)
        .asks::<CompareAsked>()
        .answers::<CompareShape>(OK, "Points equally far apart, the same for all")
        .fails(&[BAD, MISSING, AWAY, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE])
}

fn availability() -> Operation {
    let words =
        "For how much of the time hosts answered, and their traffic, by calendar days or months";
    Operation::new("availability", words)
        .asks::<AvailabilityAsked>()
        .answers::<AvailabilityShape>(OK, "Sums of each period, of each host, each group and all")
        .writes("text/csv", "Sums of each period, of each host, each group and all")
        .fails(&[BAD, MISSING, AWAY, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE])
}

fn top() -> Operation {
    Operation::new("top", "The hosts with the largest, or smallest, mean of a value over a span")
        .asks::<TopAsked>()
        .answers::<TopShape>(OK, "By their means")
        .fails(&[BAD, MISSING, AWAY, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE])
}
