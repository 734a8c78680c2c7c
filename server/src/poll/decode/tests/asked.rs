//! What a probe is asked.

use super::*;

#[test]
fn a_selection_is_asked_for_in_full_and_a_default_one_costs_nothing() {
    assert!(request(&Selection::default()).is_empty());
    let selection = Selection {
        families: Family::ALL.iter().copied().collect(),
        devices: NameFilter { include: texts(["^sd"]), exclude: texts(["1$", "2$"]) },
        mounts: NameFilter { include: vec![], exclude: texts(["^/mnt"]) },
        interfaces: NameFilter::default(),
        top_processes: 5,
        tcp_ext: true,
    };
    let sent = v1::GetMetricsRequest::decode(request(&selection)).unwrap();
    assert_eq!(sent.families, (1..=13).collect::<Vec<i32>>());
    assert_eq!(sent.devices.unwrap().exclude, texts(["1$", "2$"]));
    assert_eq!(sent.mounts.unwrap().exclude, texts(["^/mnt"]));
    assert_eq!((sent.interfaces, sent.top_processes, sent.tcp_ext), (None, 5, true));
}

#[test]
fn a_request_is_that_of_its_own_selection() {
    let plain = Arc::new(Selection::default());
    let named = Arc::new(Selection { top_processes: 5, ..Selection::default() });
    let mut wire = Wire::default();
    for selection in [&plain, &plain, &named, &named, &plain] {
        assert_eq!(wire.request(selection), request(selection));
    }
    assert_ne!(request(&plain), request(&named));
}
