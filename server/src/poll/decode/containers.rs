//! Containers of an answer.

use std::sync::Arc;

use roundsman_proto::v1;

use super::{
    Limit,
    container_name::Called,
    left_out::{LeftOut, Reason},
    tables::{SeenKeys, Taken, even, name, named, once, taken},
};
use crate::model::{Container, Containers};

pub(super) fn containers(containers: Option<&v1::Containers>) -> Taken<Containers> {
    let Some(wire) = containers else { return Taken::default() };
    let lengths = [wire.other_cpu_us.len(), wire.other_memory_bytes.len()];
    if let Err(uneven) = even(lengths, wire.other_id.len()) {
        return Taken::none(uneven);
    }
    let (mut left_out, mut seen) = (LeftOut::default(), SeenKeys::default());
    let rows = taken(wire.top.len(), Limit::Containers, &mut left_out);
    let mut top = Vec::with_capacity(rows);
    for wire in &wire.top[..rows] {
        match container(wire).and_then(|one| once(&mut seen, wire.id).map(|()| one)) {
            Ok(container) => top.push(container),
            Err(reason) => left_out.add(reason, 1, &wire.container_id),
        }
    }
    let rows = taken(wire.other_id.len(), Limit::OtherContainers, &mut left_out);
    let mut others = Vec::with_capacity(rows);
    for (row, id) in wire.other_id[..rows].iter().enumerate() {
        let Some(cpu_us) = wire.other_cpu_us.get(row).copied() else { continue };
        match once(&mut seen, *id) {
            Ok(()) => others.push((*id, cpu_us, wire.other_memory_bytes.get(row).copied())),
            Err(reason) => left_out.add(reason, 1, ""),
        }
    }
    let of_all = u64::from(wire.total);
    let shown = u64::try_from(top.len()).unwrap_or(u64::MAX);
    let beside = of_all.saturating_sub(shown);
    Taken::of(Containers { top, others, beside }, left_out)
}

fn container(wire: &v1::Container) -> Result<Container, Reason> {
    let text = |text: &Option<String>| -> Result<Arc<str>, Reason> {
        name(text.as_deref().unwrap_or_default(), Limit::NameBytes)
    };
    let (id, engine) = (named(&wire.container_id, Limit::NameBytes)?, &wire.engine);
    let (called_name, image) = (text(&wire.name)?, text(&wire.image)?);
    let (service, task) = (text(&wire.service)?, text(&wire.task)?);
    let (pod_namespace, pod) = (text(&wire.pod_namespace)?, text(&wire.pod)?);
    let called = Called {
        id: &id,
        engine,
        name: &called_name,
        image: &image,
        service: &service,
        task: &task,
        pod_namespace: &pod_namespace,
        pod: &pod,
    };
    Ok(Container {
        id: wire.id,
        // Up to three texts of 256 bytes each.
        name: called.row().into(),
        // Of LXC's the name is the id.
        short_id: if engine == "lxc" { "".into() } else { called.short_id().into() },
        image: image.clone(),
        engine: name(engine, Limit::NameBytes)?,
        counters: [
            wire.cpu_usage_us,
            wire.cpu_user_us,
            wire.cpu_system_us,
            wire.throttled_us,
            wire.throttles,
            wire.memory_high,
            wire.memory_max,
            wire.ooms,
            wire.oom_kills,
            wire.read_bytes,
            wire.written_bytes,
            wire.reads,
            wire.writes,
            wire.cpu_some_us,
            wire.cpu_full_us,
            wire.memory_some_us,
            wire.memory_full_us,
            wire.io_some_us,
            wire.io_full_us,
        ],
        gauges: [
            wire.memory_bytes,
            wire.working_set_bytes,
            wire.anon_bytes,
            wire.swap_bytes,
            wire.memory_limit_bytes,
            wire.pids,
            wire.pids_limit,
        ],
    })
}
