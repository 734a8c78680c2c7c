//! Which row a container belongs to: what it and those that come after it are called. Whoever starts
//! containers every second gives each a name of its own, and a row for each would tell nobody anything.
//!
//! In this order: pod and container, task of a swarm, its own name without what was made up for it, its
//! image, its short id.

/// Hex digits of a short id, as every engine shows it.
const SHORT: usize = 12;
/// What stands for the part of a name that is another one each time.
const MADE_UP: &str = "*";
/// What stands between the parts of a name.
const PARTING: [char; 3] = ['-', '_', '.'];
/// Letters and digits that Kubernetes makes names of (`SafeEncodeString`).
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Characters of what Kubernetes adds to the name of a pod, and to that of a replica set before it.
const POD_SUFFIX: usize = 5;
const REPLICA_SET: std::ops::RangeInclusive<usize> = 6..=10;
/// Digits of a moment in minutes since 1970, which it adds to the name of a job.
const JOB_MINUTES: usize = 8;
/// Digits, and hex digits, from which on a part of a name is no version and no number of a replica.
const MANY_DIGITS: usize = 6;
const MANY_HEX: usize = 8;
/// Characters of a UUID, of which four are dashes.
const UUID: usize = 36;

/// What a container is called by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Called<'a> {
    pub(super) id: &'a str,
    pub(super) engine: &'a str,
    pub(super) name: &'a str,
    pub(super) image: &'a str,
    pub(super) service: &'a str,
    pub(super) task: &'a str,
    pub(super) pod_namespace: &'a str,
    pub(super) pod: &'a str,
}

impl Called<'_> {
    /// The first digits of an id; a name of LXC's whole.
    pub(super) fn short_id(&self) -> &str {
        if self.engine == "lxc" { self.id } else { self.id.get(..SHORT).unwrap_or(self.id) }
    }

    /// The name of its row.
    pub(super) fn row(&self) -> String {
        if !self.pod.is_empty() {
            let parts = [self.pod_namespace, of_pod(self.pod), self.name];
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            return parts.join("/");
        }
        if !self.service.is_empty() {
            return match slot(self.service, self.task) {
                Some(slot) => format!("{}.{slot}", self.service),
                None => self.service.to_owned(),
            };
        }
        match lasting(self.name) {
            Some(name) => name,
            None if self.image.is_empty() => self.short_id().to_owned(),
            None => self.image.to_owned(),
        }
    }
}

/// The number of a task: `web.1.<id>`; a global service has the id of a node in its place.
fn slot<'a>(service: &str, task: &'a str) -> Option<&'a str> {
    let slot = task.strip_prefix(service)?.strip_prefix('.')?.split('.').next()?;
    (!slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit())).then_some(slot)
}

/// What a pod was made of: a Deployment's, a DaemonSet's, a CronJob's. A StatefulSet's pod has a name to stay.
fn of_pod(pod: &str) -> &str {
    let Some((before, suffix)) = pod.rsplit_once('-') else { return pod };
    if suffix.len() != POD_SUFFIX || !is_safe(suffix) {
        return pod;
    }
    match before.rsplit_once('-') {
        Some((owner, part)) if REPLICA_SET.contains(&part.len()) && is_safe(part) => owner,
        Some((owner, part)) if part.len() == JOB_MINUTES && is_number(part) => owner,
        _ => before,
    }
}

fn is_safe(part: &str) -> bool {
    part.bytes().all(|byte| SAFE.contains(&byte))
}

fn is_number(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name without what was made up at its end; none where all of it was.
fn lasting(name: &str) -> Option<String> {
    if name.is_empty() || is_dockers(name) {
        return None;
    }
    let mut rest = name;
    while let Some(before) = without_made_up(rest) {
        rest = before;
    }
    match rest {
        "" => None,
        _ if rest.len() == name.len() => Some(name.to_owned()),
        _ => Some(format!("{rest}{MADE_UP}")),
    }
}

/// What stands before a last part that was made up, with what parts them.
fn without_made_up(name: &str) -> Option<&str> {
    let name = name.trim_end_matches(PARTING);
    if let Some(at) = name.len().checked_sub(UUID)
        && name.get(at..).is_some_and(is_uuid)
    {
        return name.get(..at);
    }
    let at = name.rfind(PARTING).map_or(0, |at| at + 1);
    let part = &name[at..];
    let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = part.bytes().any(|byte| byte.is_ascii_digit());
    let is_made_up = (is_number(part) && part.len() >= MANY_DIGITS)
        || (is_hex && has_digit && part.len() >= MANY_HEX);
    is_made_up.then(|| &name[..at])
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// The first words of the names that Docker and Podman make up: `quirky_wozniak`. The second are the names
/// of people, and more every year.
const ADJECTIVES: &str = "admiring adoring affectionate agitated amazing angry awesome beautiful blissful \
    bold boring brave busy charming clever compassionate competent condescending confident cool cranky \
    crazy dazzling determined distracted dreamy eager ecstatic elastic elated elegant eloquent epic \
    exciting fervent festive flamboyant focused friendly frosty funny gallant gifted goofy gracious great \
    happy hardcore heuristic hopeful hungry infallible inspiring intelligent interesting jolly jovial keen \
    kind laughing loving lucid magical modest musing mystifying naughty nervous nice nifty nostalgic \
    objective optimistic peaceful pedantic pensive practical priceless quirky quizzical recursing relaxed \
    reverent romantic sad serene sharp silly sleepy stoic strange stupefied suspicious sweet tender \
    thirsty trusting unruffled upbeat vibrant vigilant vigorous wizardly wonderful xenodochial youthful \
    zealous zen";

fn is_dockers(name: &str) -> bool {
    let Some((first, second)) = name.split_once('_') else { return false };
    let second = second.trim_end_matches(|c: char| c.is_ascii_digit());
    !second.is_empty()
        && second.bytes().all(|byte| byte.is_ascii_lowercase())
        && ADJECTIVES.split_ascii_whitespace().any(|word| word == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f2a1b3c5d6e7f8091a2b3c4d5e6f70812233445566778899aabbccddeeff001";

    fn named(name: &str) -> String {
        Called { id: ID, engine: "docker", name, image: "alpine:3", ..Called::default() }.row()
    }

    #[test]
    fn a_name_that_somebody_gave_is_the_rows() {
        for name in [
            "web",
            "shop-db-1",
            "nginx_proxy",
            "web-2024",
            "a.b.c",
            "cafe-babe",
            "v1.28.3",
            "node-10",
        ] {
            assert_eq!(named(name), name);
        }
    }

    #[test]
    fn what_was_made_up_is_not_in_the_name() {
        for (name, row) in [
            ("quirky_wozniak", "alpine:3"),
            ("happy_curie7", "alpine:3"),
            ("job-1701234567", "job-*"),
            ("shop-migrate-run-0a1b2c3d4e5f", "shop-migrate-run-*"),
            ("task-550e8400-e29b-41d4-a716-446655440000", "task-*"),
            ("550e8400-e29b-41d4-a716-446655440000", "alpine:3"),
            ("buildx_buildkit_0a1b2c3d4e5f6", "buildx_buildkit_*"),
            ("run-20261130-093000", "run-*"),
            (ID, "alpine:3"),
            ("", "alpine:3"),
        ] {
            assert_eq!(named(name), row, "{name}");
        }
        let bare = Called { id: ID, engine: "docker", name: "quirky_wozniak", ..Called::default() };
        assert_eq!(bare.row(), "4f2a1b3c5d6e");
    }

    #[test]
    fn a_pod_is_known_by_what_made_it() {
        for (pod, row) in [
            ("checkout-7d4b9c6f5d-x2x7q", "shop/checkout/app"),
            ("kube-proxy-h4jkz", "shop/kube-proxy/app"),
            ("nightly-28374650-h4jkz", "shop/nightly/app"),
            ("kafka-0", "shop/kafka-0/app"),
            ("etcd-node-1", "shop/etcd-node-1/app"),
        ] {
            let called =
                Called { id: ID, pod, pod_namespace: "shop", name: "app", ..Called::default() };
            assert_eq!(called.row(), row);
        }
    }

    #[test]
    fn a_task_is_known_by_its_number() {
        let of =
            |task| Called { id: ID, service: "web", task, name: "x", ..Called::default() }.row();
        assert_eq!(of("web.2.k3j2h5g6f7d8s9a0q1w2e3r4t"), "web.2");
        assert_eq!(of("web.y7u6i5o4p3a2s1d0f9g8h7j6k.k3j2"), "web");
        assert_eq!(of(""), "web");
    }

    /// One that is made every second for an hour.
    #[test]
    fn however_many_come_there_are_few_rows() {
        let mut rows = std::collections::BTreeSet::new();
        for second in 0..3_600_u64 {
            let id = format!("{:064x}", u128::from(second) * 0x9e37_79b9_7f4a_7c15_f39c);
            for name in [
                format!("job-{}", 1_701_230_000 + second),
                format!("task-{}", &id[52..]),
                String::new(),
            ] {
                let called = Called {
                    id: &id,
                    engine: "docker",
                    name: &name,
                    image: "job:1",
                    ..Called::default()
                };
                rows.insert(called.row());
            }
        }
        assert!(rows.len() <= 4, "{} rows", rows.len());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(name in "\\PC{0,40}", pod in "\\PC{0,20}", service in "\\PC{0,9}", id in "\\PC{0,20}") {
            let called = Called { id: &id, name: &name, ..Called::default() };
            let _ = (called.row(), Called { pod: &pod, ..called }.row());
            let _ = Called { service: &service, task: &name, ..called }.row();
        }
    }
}
