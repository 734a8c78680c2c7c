"""Compares what a Prometheus has of a machine by node_exporter (job "node_exporter") with what it has of it by
Roundsman (job "node", and "exact" with timestamps): names, labels, gauges, counters.

A counter only grows. So what one of the two read at a moment lies between what the other read last before and first
after that moment, however uneven it grows: each sample is held to that. Rates over the whole time then differ by
no more than what was counted between those neighbours at both ends, and else by no more than 2 %.

compare.py PROMETHEUS MINUTES
"""

import json
import math
import re
import sys
from bisect import bisect_left, bisect_right
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

PROMETHEUS, MINUTES = sys.argv[1], int(sys.argv[2])
# What changes between two looks at the same thing that are a moment apart: not compared by value.
MOVING = {
    "node_load1", "node_procs_running", "node_procs_blocked", "node_disk_io_now", "node_time_seconds",
    "node_processes_state", "node_processes_threads", "node_filefd_allocated", "node_entropy_available_bits",
    "node_sockstat_TCP_tw", "node_sockstat_TCP_alloc", "node_sockstat_TCP_inuse", "node_sockstat_sockets_used",
    "node_sockstat_TCP_orphan", "node_sockstat_TCP_mem_bytes", "node_netstat_Tcp_CurrEstab",
    "node_memory_Dirty_bytes", "node_memory_Writeback_bytes", "node_memory_KernelStack_bytes",
    # node_exporter 1.11.1 says 0 of a mount that /proc/1/mountinfo has as "ro", options and all.
    "node_filesystem_readonly",
}
# node_exporter tells only of states that there is a process in.
SPARSE = {"node_processes_state"}
# Gauges in all but name: node_exporter has no type for what these files hold.
GAUGES = {"node_netstat_Tcp_CurrEstab"}
# Labels that Roundsman does not know.
UNKNOWN = {"version", "domainname", "device_error"}
# How long before its scrape a value without a timestamp may have been read: an interval of polls, a call, and the
# time in which it is shown; seconds.
LAG = 2.5
# How long after its moment a value of a scrape may have been read: scrape_timeout; and by how much Prometheus may move
# that moment to even out its samples; seconds.
SCRAPE, MOVED = 2.0, 0.01
# How long a call takes at most.
CALL = 0.9
# The kernel takes a little of these back; seconds.
TAKEN_BACK = {"node_cpu_seconds_total": 0.1}
problems = []


def ask(path, **params):
    with urlopen(f"{PROMETHEUS}/api/v1/{path}?{urlencode(params)}") as answer:
        return json.load(answer)["data"]


def query(promql):
    return ask("query", query=promql)["result"]


def key(labels):
    known = UNKNOWN | {"__name__", "job", "instance", "group"}
    rest = {name: text for name, text in labels.items() if name not in known}
    return tuple(sorted(rest.items()))


def values(promql):
    return {key(one["metric"]): float(one["value"][1]) for one in query(promql)}


def samples(selector):
    """Of each series its moments and values, in order."""
    return {key(one["metric"]): [(moment, float(text)) for moment, text in one["values"]] for one in query(selector)}


def between(reads, begin, end):
    """What was read last before `begin` and first after `end`; none where nothing was."""
    before = bisect_right(reads, (begin - SCRAPE - MOVED, math.inf)) - 1
    after = bisect_left(reads, (end + MOVED, -math.inf))
    return (reads[before], reads[after]) if before >= 0 and after < len(reads) else None


def at(reads, moment):
    """What it stood at, had it grown evenly between two reads."""
    (t1, v1), (t2, v2) = between(reads, moment, moment)
    return v1 + (v2 - v1) * (moment - t1) / (t2 - t1)


def held(what, ours, theirs, lag):
    """Holds each sample of ours to its neighbours among theirs, and the growth over all; how far apart that is. One of
    ours was read `lag` seconds before its moment or later, and CALL after it or before."""
    slack, far, seen = TAKEN_BACK.get(what.split(" ")[0], 0) + 1e-6, 0.0, 0
    for labels in ours.keys() & theirs.keys():
        reads, ends = theirs[labels], []
        for moment, value in ours[labels]:
            near = between(reads, moment - lag, moment + CALL)
            if near is None:
                continue
            seen += 1
            low, high = near[0][1] - slack, near[1][1] + slack
            if not low <= value <= high:
                problems.append(f"{what} {dict(labels)}: {value:.10g} at {moment}, and between {low:.10g} and {high:.10g} "
                                "by node_exporter")
                break
            ends.append((moment, value, high - low))
        if len(ends) < 2:
            problems.append(f"{what} {dict(labels)}: of {len(ours[labels])} samples {len(ends)} have neighbours")
            continue
        (t1, v1, room1), (t2, v2, room2) = ends[0], ends[-1]
        grown, beside = v2 - v1, at(reads, t2) - at(reads, t1)
        apart, most = abs(grown - beside), max(grown, beside)
        if apart > max(0.02 * most, room1 + room2):
            problems.append(f"rate of {what} {dict(labels)}: {grown:g} by Roundsman, {beside:g} by node_exporter")
        # Where an end is not a hundredth of the whole, the share says something.
        if room1 + room2 < 0.01 * most:
            far = max(far, apart / most)
    return far, seen


def names(job):
    selector = f'{{job="{job}",instance="machine",__name__=~"node_.+"}}'
    return {one["metric"]["__name__"] for one in query(f"group by (__name__) ({selector})")}


def close(ours, theirs, share, floor):
    return abs(ours - theirs) <= max(share * max(abs(ours), abs(theirs)), floor)


def worst(what, ours, theirs, share, floor):
    """How far apart the two are where both have a value; a problem for each that is too far."""
    far = 0.0
    for labels in ours.keys() & theirs.keys():
        a, b = ours[labels], theirs[labels]
        if not close(a, b, share, floor):
            problems.append(f"{what} {dict(labels)}: {a:g} by Roundsman, {b:g} by node_exporter")
        if max(abs(a), abs(b)) > 50 * floor:
            far = max(far, abs(a - b) / max(abs(a), abs(b)))
    return far


# Panels that say nothing of a machine that is well, or has no containers.
QUIET = {"Full within a day", "Containers"}
DASHBOARDS = Path(__file__).parents[2] / "packaging/grafana/prometheus"


def dashboards():
    """Each query of the dashboards, of the machine: it is understood, and says something."""
    asked = 0
    for file in sorted(DASHBOARDS.glob("*.json")):
        row = None
        for panel in json.loads(file.read_text())["panels"]:
            row = panel["title"] if panel["type"] == "row" else row
            for target in panel.get("targets", []):
                promql = target["expr"].replace("$__rate_interval", "1m")
                promql = promql.replace("$host", "machine").replace("$group", ".*")
                assert not re.search(r"\$\w", promql), promql
                found = query(promql)
                asked += 1
                if not found and not QUIET & {panel["title"], row}:
                    problems.append(f"{file.name}, {panel['title']}: nothing for {promql}")
    print(f"dashboards: {asked} queries")


def main():
    dashboards()
    types = {name: said[0]["type"] for name, said in ask("metadata").items()}
    ours, theirs = names("node"), names("node_exporter")
    both = sorted(ours & theirs)
    print(f"names: {len(both)} that both have, {len(theirs - ours)} of node_exporter alone")
    for name in sorted(ours - theirs):
        print(f"  by Roundsman alone: {name}")
        problems.append(f"{name} is told by Roundsman and not by node_exporter on the same machine")

    # The first minute is left out: programs start, and the first scrapes lie apart.
    window = f"{MINUTES * 60 - 45}s"
    series, gauges, rates, held_to = 0, 0.0, 0.0, 0
    for name in both:
        by_us = values(f'{name}{{job="node",instance="machine"}}')
        by_them = values(f'{name}{{job="node_exporter"}}')
        series += len(by_us.keys() & by_them.keys())
        for labels in by_us.keys() - by_them.keys() if name not in SPARSE else ():
            problems.append(f"{name} {dict(labels)} is told by Roundsman alone")
        for labels in by_them.keys() - by_us.keys():
            print(f"  by node_exporter alone: {name} {dict(labels)}")
        is_counter = types.get(name) == "counter" or (types.get(name) == "unknown" and name not in GAUGES)
        if is_counter:
            read = f'{name}{{job="JOB",instance="machine"}}[{window}]'
            them = samples(read.replace("JOB", "node_exporter"))
            for job, lag in (("exact", 0), ("node", LAG)):
                far, seen = held(f"{name} ({job})", samples(read.replace("JOB", job)), them, lag)
                rates, held_to = max(rates, far), held_to + seen
        elif name not in MOVING:
            mean = f'avg_over_time({name}{{job="JOB",instance="machine"}}[{window}])'
            mine, them = values(mean.replace("JOB", "node")), values(mean.replace("JOB", "node_exporter"))
            gauges = max(gauges, worst(f"mean of {name}", mine, them, 0.02, 4 * 1024 * 1024 if "bytes" in name else 0.02))
    print(f"series: {series} that both have; {held_to} samples of counters lie between their neighbours; furthest apart: "
          f"gauges {gauges:.2%}, rates {rates:.2%}")

    for promql, expected in [
        ('up{job="node",instance="machine"}', [1]),
        ('up{job="node",instance="gone"}', [0]),
        ('up{job="each",instance="machine",group="here"}', [1]),
        ('up{job="each",instance="gone",group="here"}', [0]),
        ('up{job="own"}', [1]),
        ('roundsman_host_up{host="machine",group="here"}', [1]),
        ('roundsman_host_up{host="gone"}', [0]),
        ('roundsman_host_state{host="gone",state="down"}', [1]),
        ('count(node_load1{job="each"})', [1]),
        ('count({job="own",host="gone",__name__!~"ALERTS.*|roundsman_host_(up|state|outcome|info|good_poll_timestamp_seconds)"})', []),
        ('count(roundsman_host_info{host="machine",kernel!=""})', [1]),
        ('count(ALERTS{alertname="RoundsmanHostWithoutValues",host="gone"}) by (alertname)', [1]),
    ]:
        found = [float(one["value"][1]) for one in query(promql)]
        if found != expected:
            problems.append(f"{promql} is {found}, expected {expected}")

    # Roundsman's own names say the same as node_exporter's.
    for own, node in [
        ("sum(rate(roundsman_core_busy_seconds_total[2m]))",
         'sum(rate(node_cpu_seconds_total{job="node_exporter",mode!~"idle|iowait|steal"}[2m]))'),
        ("sum(rate(roundsman_net_rx_bytes_total[2m]))", 'sum(rate(node_network_receive_bytes_total{job="node_exporter"}[2m]))'),
        ("sum(rate(roundsman_host_context_switches_total[2m]))", 'sum(rate(node_context_switches_total{job="node_exporter"}[2m]))'),
    ]:
        (a,), (b,) = values(own).values(), values(node).values()
        print(f"{own}: {a:.4g}, {b:.4g} by node_exporter")
        if not close(a, b, 0.05, 0.01):
            problems.append(f"{own} is {a:g}, {b:g} by node_exporter")

    for problem in problems:
        print(f"NOT THE SAME: {problem}")
    sys.exit(1 if problems else 0)


main()
