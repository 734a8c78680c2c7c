//! Which host takes the most room: one that has thousands of interfaces, or that makes up new names all
//! the time, is to be seen before the disk is full of it.

use super::verdict::{Check, Verdict};
use crate::{
    cli::forecast::slots,
    inventory::Inventory,
    model::HostName,
    store::{HostSummary, detail},
    units::WallMs,
};

/// From so many times its even share on a host is worth a note.
const TIMES_EVEN: u64 = 5;

/// What the host with the most room takes, of all that the rows of polls that repeat take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    name: HostName,
    /// Of its newest poll, before it is packed.
    bytes_per_poll: u64,
    percent: u64,
    /// Hosts with a newest poll that brought values.
    hosts: u64,
}

impl Share {
    /// The largest, by the newest poll of each host and how often it is polled; none of a single host.
    pub(super) fn largest(
        inventory: &Inventory,
        kept: &[HostSummary],
        now: WallMs,
    ) -> Option<Self> {
        let mut all = Vec::new();
        for host in kept {
            let Some(listed) = inventory.hosts.get(&host.name).filter(|listed| !listed.paused)
            else {
                continue;
            };
            let newest = host.latest.as_ref().and_then(|latest| latest.detail.as_ref());
            let Some(bytes) = newest.map(|rows| detail::encode(rows).len()) else { continue };
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            all.push((bytes.saturating_mul(slots(&listed.schedule, now)), bytes, &host.name));
        }
        let sum = all.iter().fold(0_u64, |sum, (a_day, _, _)| sum.saturating_add(*a_day));
        let (a_day, bytes_per_poll, name) = *all.iter().max()?;
        let percent = u128::from(a_day) * 100 / u128::from(sum.max(1));
        (all.len() > 1).then(|| Self {
            name: name.clone(),
            bytes_per_poll,
            percent: u64::try_from(percent).unwrap_or(100),
            hosts: all.len() as u64,
        })
    }

    pub(super) fn check(&self) -> Check {
        let Self { name, bytes_per_poll, percent, hosts } = self;
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let bytes = crate::text::bytes(*bytes_per_poll as f64);
        let words = format!(
            "{name} takes {percent} % of what the rows of {hosts} hosts take (interfaces, disks, \
             mounts, cores): {bytes} a poll"
        );
        let uneven = percent * hosts > TIMES_EVEN * 100;
        Check {
            subject: "largest",
            verdict: if uneven { Verdict::Note } else { Verdict::Ok },
            words,
            remedy: uneven.then(|| {
                "leave out what you do not need with exclude.network, exclude.disk or \
                 exclude.filesystem in the inventory, or poll it less often"
                    .to_owned()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory,
        model::{Detail, Facts, HostId, Row, Values},
        store::sample::good,
    };

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn kept(id: i64, name: &str, interfaces: usize) -> HostSummary {
        let name = HostName::new(name).unwrap();
        let row =
            |n: usize| Row { labels: [format!("eth{n}").into()].into(), values: Values::default() };
        let interfaces = (0..interfaces).map(row).collect();
        let detail = Some(Detail { interfaces, ..Detail::default() });
        let mut latest = good(HostId(id), &name, NOW);
        latest.detail = detail;
        HostSummary {
            id: HostId(id),
            name,
            group: None,
            labels: [].into(),
            addresses: Vec::new(),
            facts: Facts::default(),
            state: None,
            listed_at: NOW,
            retired_at: None,
            first_seen: None,
            last_seen: None,
            latest: Some(latest),
        }
    }

    #[test]
    fn the_host_that_takes_the_most_room_is_named_and_one_far_above_the_others_noted() {
        let inventory = inventory::parse(
            "test",
            "[[group]]\nname = \"web\"\nhosts = [\"web-[1-7]\"]\n[[host]]\nname = \"slow\"\ninterval = \"1h\"\n",
        )
        .unwrap();
        let names = ["web-2", "web-3", "web-4", "web-5", "web-6", "web-7"];
        let with = |first: usize, slow: usize| {
            let others = names.iter().zip(2..).map(|(name, id)| kept(id, name, 4));
            let mut all = vec![kept(1, "web-1", first), kept(9, "slow", slow)];
            all.extend(others);
            Share::largest(&inventory, &all, NOW).unwrap()
        };
        let even = with(5, 4);
        assert_eq!((even.name.as_str(), even.hosts), ("web-1", 8));
        assert_eq!(even.check().verdict, Verdict::Ok);
        let uneven = with(400, 4);
        assert!(uneven.percent > 90, "{uneven:?}");
        assert_eq!(uneven.check().verdict, Verdict::Note);
        // How often it is polled counts as well.
        assert_eq!(with(5, 40).name.as_str(), "web-1");
        assert_eq!(Share::largest(&inventory, &[kept(1, "web-1", 9)], NOW), None);
    }
}
