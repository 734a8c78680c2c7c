"""What a receiver has of readings that it was sent.

compare.py same RECEIVER PROTOCOL KIND STORED    each value of STORED (JSON lines of the store), and no other
compare.py ended RECEIVER PROTOCOL HOSTS         whether all of so many hosts are said to be down, and have no values
"""

import json
import sys
from urllib.parse import urlencode
from urllib.request import urlopen

WORD, RECEIVER, PROTOCOL, *REST = sys.argv[1:]
IS_OTLP = PROTOCOL == "otlp"

# Of the store, and what it is called where it is sent. Both receivers make names of Prometheus of OTLP's: each unit
# stands at the end of the name.
COLUMNS = {
    "load": "roundsman_host_load_1",
    "available": "system_memory_linux_available_bytes" if IS_OTLP else "roundsman_host_mem_available_bytes",
    "used": "roundsman_host_mem_used_ratio",
}
# Received alone: of a counter the store has no value, but each poll has one.
COUNTED = "roundsman_host_context_switches_total"


def ask(path, **params):
    with urlopen(f"{RECEIVER}/{path}?{urlencode(params)}") as answer:
        return answer.read().decode()


def query(promql):
    return json.loads(ask("api/v1/query", query=promql))["data"]["result"]


def host(labels):
    # Prometheus makes of a resource what it makes of a target; VictoriaMetrics has all of its attributes.
    return labels.get("host.name") or labels.get("host_name") or labels["instance"] if IS_OTLP else labels["host"]


def received(kind, name):
    """Every sample of a metric, by host and moment."""
    found = {}
    if kind == "victoria":
        ask("internal/force_flush")
        for line in ask("api/v1/export", **{"match[]": name}).splitlines():
            one = json.loads(line)
            for at, value in zip(one["timestamps"], one["values"]):
                # The mark that ends a series.
                if value is not None:
                    found[host(one["metric"]), at] = value
    else:
        for one in query(f"{name}[30m]"):
            for at, value in one["values"]:
                found[host(one["metric"]), round(at * 1000)] = float(value)
    return found


def same(kind, file):
    with open(file) as lines:
        stored = [json.loads(line) for line in lines]
    problems = 0
    polls = {(one["host"], one["at"]) for one in stored}
    for column, name in COLUMNS.items():
        expected = {(one["host"], one["at"]): one[column] for one in stored if one[column] is not None}
        got = received(kind, name)
        missing, more = expected.keys() - got.keys(), got.keys() - expected.keys()
        differ = [key for key in expected.keys() & got.keys() if abs(expected[key] - got[key]) > 1e-9 * abs(expected[key])]
        print(f"  {name}: {len(expected)} values stored, {len(got)} received, {len(missing)} missing, "
              f"{len(more)} more, {len(differ)} differ")
        for what, keys in [("missing", missing), ("more", more), ("differ", differ)]:
            problems += len(keys)
            for key in sorted(keys)[:3]:
                print(f"    {what}: {key} {expected.get(key)} {got.get(key)}")
    counted = received(kind, COUNTED)
    if polls != counted.keys() or not polls:
        problems += 1
        print(f"  {COUNTED}: {len(counted)} values of {len(polls)} polls")
    sys.exit(1 if problems else 0)


def ended(hosts):
    down = sum(float(one["value"][1]) == 0 for one in query("roundsman_host_up"))
    values = "system_.+|roundsman_(core|disk|net|filesystem)_.+|roundsman_host_(load|mem|cpu).+"
    left = query(f'count({{__name__=~"{values}"}})')
    sys.exit(0 if down == int(hosts) and not left else 1)


if WORD == "same":
    same(*REST)
else:
    ended(*REST)
