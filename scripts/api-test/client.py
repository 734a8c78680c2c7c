"""Asks a running server all that matters through the package of packaging/clients.sh: client.py ADDRESS,
with the token in TOKEN."""

import itertools
import os
import sys
import time
from http import HTTPStatus
from urllib.parse import parse_qsl

from roundsman_client import AuthenticatedClient
from roundsman_client.api.default import (
    columns,
    events,
    fleet,
    fleet_events,
    host,
    hosts,
    inventory,
    losses,
    metrics,
    pause,
    poll,
    polls,
    readyz,
    reload,
    resume,
    series,
    server,
    why,
)
from roundsman_client.models import (
    FleetEventsToState,
    HostsState,
    Nothing,
    Outcome,
    PauseAsked,
    Problem,
    ReloadAsked,
    SeriesColumnsItem,
    State,
)

client = AuthenticatedClient(
    base_url=sys.argv[1], token=os.environ["TOKEN"], raise_on_unexpected_status=True, timeout=30
)


def until(what, ask, is_so):
    """What is asked, once it is so: the store is up to a second behind."""
    end = time.monotonic() + 60
    for tries in itertools.count(1):
        answer = ask()
        if is_so(answer):
            return answer
        assert time.monotonic() < end, f"{what}: not so after {tries} tries: {answer}"


assert readyz.sync(client=client).ready
listed = hosts.sync(client=client, limit=5)
assert (listed.total, listed.next_) == (1, None), listed
name = listed.hosts[0].name
assert client.get_httpx_client().headers["authorization"].startswith("Bearer ")

# Polls, and the pages of them.
for _ in range(3):
    polled = poll.sync(name, client=client, body=Nothing())
    assert polled.outcome in (Outcome.OK, Outcome.PARTIAL), polled
first = until("pages", lambda: polls.sync(name, client=client, limit=1), lambda page: page.next_)
asked = {"from_" if key == "from" else key: value for key, value in parse_qsl(first.next_)}
asked["limit"] = int(asked["limit"])
second = polls.sync(name, client=client, **{**asked, "order": polls.PollsOrder(asked["order"])})
assert second.polls[0].slot_ms < first.polls[0].slot_ms, (first, second)

# Values, and what they mean.
wanted = [SeriesColumnsItem.MEM_USED_PCT, SeriesColumnsItem.LOAD_1]
drawn = until(
    "values",
    lambda: series.sync(name, client=client, columns=wanted, from_="-10m"),
    lambda drawn: any(value is not None for value in drawn.columns[0].avg),
)
assert [column.name for column in drawn.columns] == ["mem_used_pct", "load_1"], drawn
assert "load_1" in [column.name for column in columns.sync(client=client).values]

# The fleet at a glance.
glance = fleet.sync(client=client)
row = dict(zip(glance.columns, glance.hosts[0], strict=True))
assert (row["name"], row["state"]) == (name, State.UP), row
assert glance.counts["up"] == 1, glance.counts

# What is done to a host, and what is told of it.
assert pause.sync(name, client=client, body=PauseAsked(reason="a client")).state == State.PAUSED
until("list", lambda: hosts.sync(client=client, state=HostsState.PAUSED), lambda list: list.total)
assert resume.sync(name, client=client, body=Nothing()).state != State.PAUSED
both = pause.sync_detailed(name, client=client, body=PauseAsked(for_="1h", until="now"))
assert both.status_code == HTTPStatus.BAD_REQUEST and "exclude" in both.parsed.detail, both.content
changes = until(
    "events",
    lambda: fleet_events.sync(client=client, to_state=FleetEventsToState.PAUSED),
    lambda page: page.events,
)
assert changes.events[0].host == name, changes
assert changes.events[0].to == State.PAUSED, changes
assert State.PAUSED in [event.to for event in events.sync(name, client=client).events]
assert why.sync(name, client=client).sentence
assert host.sync(name, client=client).facts.kernel

# The server itself.
assert reload.sync(client=client, body=ReloadAsked()).hosts == 1
assert inventory.sync(client=client).hosts == 1
assert server.sync(client=client).store
assert losses.sync(client=client).losses == []
assert metrics.sync_detailed(client=client).content.endswith(b"# EOF\n")

# What is wrong is told.
nobody = host.sync("nobody", client=client)
assert isinstance(nobody, Problem) and nobody.status == 404 and "nobody" in nobody.detail, nobody
print("A client in Python reads all that it asked for.")
