//! The database's server dies, and its replica, which lacked the last of it, takes its place.

use std::mem::replace;

use crate::{
    HOSTS,
    mariadbd::{FLAGS, Mariadbd},
    replicas::{self, caught_up, read_only, replicate},
    site::{Site, missing},
};

const LOST: &str = "roundsman_rows_lost_total{reason=\"store_lost\"}";

#[tokio::test]
async fn what_a_replica_lacks_that_takes_the_place_of_its_source_is_told_and_nothing_else_is_lost()
{
    let start = |id: u32| {
        let own = format!("--server-id={id}");
        Mariadbd::start(&[&FLAGS[..], &replicas::FLAGS[..], &[own.as_str()]].concat())
    };
    let (source, replica) = (start(1), start(2));
    let (from, to) = (source.port(), replica.port());
    replicate(from, to).await;
    read_only(to, true).await;
    let mut site = Site::on(source, &format!(",127.0.0.1:{to}"), "").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    caught_up(from, to).await;
    replicas::stop(to).await;
    let before = served.metric("roundsman_rows_written_total");
    served.polls_go_on();
    served.until_metric("roundsman_rows_written_total", |rows| rows > before);
    // It is killed, and the other one is not ready to take rows.
    drop(replace(&mut site.server, replica));
    let said = served.until("/readyz", |_, body| body.contains("it is read-only"));
    assert!(said.contains(&format!("127.0.0.1:{from}: Connection refused")), "{said}");
    served.until_metric("roundsman_spool_rows", |rows| rows > 0);
    served.polls_go_on();
    assert_eq!(served.metric(LOST), 0, "a replica does not say what is lost");
    read_only(to, false).await;
    served.until("/readyz", |status, _| status == 200);
    served.until_metric("roundsman_spool_rows", |rows| rows == 0);
    served.until_metric(LOST, |polls| polls > 0);
    let lost = "SELECT COALESCE(SUM(polls), 0) FROM fleet.loss WHERE reason = 'store_lost'";
    served.until("/metrics", |_, _| site.sql(lost).trim() != "0");
    served.polls_go_on();
    let told: usize = site.sql(lost).trim().parse().unwrap();
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("the store is used at another address"), "{}", ended.log);
    // Each poll that is not there was told of; every other one is there once.
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS);
    let gone: usize = slots.values().map(|slots| missing(slots, |_| true).len()).sum();
    let skipped = usize::try_from(ended.missed).unwrap();
    assert!((1..=told + skipped).contains(&gone), "{gone} of {told}: {slots:?}\n{ended:?}");
    site.check_moves();
}
