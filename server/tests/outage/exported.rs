//! Two servers on one database, both with an export: the one that waits sends nothing, and the one that takes over
//! goes on where the other ended.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use axum::{Router, body::Bytes};
use http::HeaderMap;
use libdeflater::Decompressor;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::any_value::Value,
    metrics::v1::{ResourceMetrics, metric::Data, number_data_point},
};
use prost::Message as _;
use tokio::{net::TcpListener, runtime::Builder};

use crate::{
    HOSTS,
    program::Desk,
    served::Served,
    site::Site,
    standby::{is_in_charge, is_standby},
};

/// Which server said of which host that it had values of which slot.
type Told = (String, String, i64);

/// The host, and the slot of its last good poll where that is said.
fn good_poll(of_host: &ResourceMetrics) -> Option<(String, i64)> {
    let attributes = &of_host.resource.as_ref()?.attributes;
    let name = attributes.iter().find(|one| one.key == "host.name")?.value.as_ref()?;
    let Some(Value::StringValue(name)) = &name.value else { return None };
    let mut metrics = of_host.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    let said = metrics.find(|metric| metric.name == "roundsman.host.good_poll_timestamp")?;
    let Some(Data::Gauge(gauge)) = &said.data else { return None };
    let Some(number_data_point::Value::AsDouble(seconds)) = gauge.data_points.first()?.value else {
        return None;
    };
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let slot = (seconds * 1e3).round() as i64;
    Some((name.clone(), slot))
}

/// A receiver on a thread of its own that takes all, and what it was told.
fn receiver() -> (SocketAddr, Arc<Mutex<Vec<Told>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&told);
    let take = move |headers: HeaderMap, body: Bytes| {
        let mut bytes = vec![0; 1 << 24];
        let length = Decompressor::new().gzip_decompress(&body, &mut bytes).unwrap();
        let request = ExportMetricsServiceRequest::decode(&bytes[..length]).unwrap();
        let from = headers["x-server"].to_str().unwrap();
        let said = request.resource_metrics.iter().filter_map(good_poll);
        all.lock().unwrap().extend(said.map(|(host, slot)| (from.to_owned(), host, slot)));
        std::future::ready(())
    };
    let (tell, address) = mpsc::channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, Router::new().fallback(take)).await.unwrap();
        });
    });
    (address.recv().unwrap(), told)
}

#[tokio::test]
async fn a_standby_sends_nothing_and_goes_on_where_the_other_ended() {
    let (address, told) = receiver();
    let more = format!(
        "[export]\nurl = \"http://{address}/v1/metrics\"\nprotocol = \"otlp\"\n\
         headers = [\"x-server: first\"]\n"
    );
    let site = Site::new(&more).await;
    let first = site.serve();
    is_in_charge(&first);
    let desk = Desk::new();
    for file in ["inventory.toml", "roundsman.toml"] {
        let text = fs::read_to_string(site.desk.path().join(file)).unwrap();
        desk.file(file, &text.replace("x-server: first", "x-server: second"));
    }
    let second = Served::begin(desk.command(&["serve"]));
    is_standby(&second);
    first.polls_go_on();
    let is_of = |one: &Told, server: &str| one.0 == server;
    assert!(!told.lock().unwrap().iter().any(|one| is_of(one, "second")), "it is a standby");
    first.end(site.desk.path());
    is_in_charge(&second);
    second.end(desk.path());

    let told = told.lock().unwrap().clone();
    assert!(told.is_sorted_by_key(|one| is_of(one, "second")), "one after the other: {told:?}");
    assert!(
        told.iter().any(|one| is_of(one, "first")) && told.iter().any(|one| is_of(one, "second"))
    );
    let told: BTreeSet<(String, i64)> =
        told.into_iter().map(|(_, host, slot)| (host, slot)).collect();
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS);
    let kept: BTreeSet<(String, i64)> = slots
        .into_iter()
        .flat_map(|(host, slots)| slots.into_iter().map(move |slot| (host.clone(), slot)))
        .collect();
    assert_eq!(told, kept, "each poll that is kept was sent, and no other");
}
