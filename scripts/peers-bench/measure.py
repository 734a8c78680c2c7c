"""Measures a program that polls from outside, and prints what was measured of several.

    measure.py run RESULTS LABEL PROGRAM_PID DATABASE_PID|- COUNTS_URL LENGTH_S ONE_HOST_URL TOP_URL
    measure.py agent RESULTS LABEL PID ANSWERS COMMAND...  of what answers on a host, which COMMAND asks ANSWERS times
    measure.py kept RESULTS POLLS BYTES [BLOCK_BYTES]      of the one that was measured last, when it has ended
    measure.py table RESULTS

CPU time is that of the process, by the ticks of /proc/PID/stat, from one moment to LENGTH_S later; of an agent, whose answers
are shorter than a tick, by /proc/PID/task/*/schedstat.
"""

import glob
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

# How often a question is asked; the median is told, and the first answer apart.
ASKED = 11

# What Roundsman tells of a host that no poll read, such as its state.
NOT_READ = re.compile(r"roundsman_host_(up|state|outcome|info|good_poll_timestamp_seconds)\b")

# In an answer of Prometheus' API or of Roundsman's.
A_VALUE = re.compile(r'"values?":\[[\[\d]|"avg":(\[[^\]]*)?\d')


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read().decode()


def cpu_ms(pid):
    if pid == "-":
        return 0.0
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    if pid == "-":
        return 0.0
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024 / 1e6


def machine():
    """Ticks of all processors: all of them, and those in which something ran."""
    with open("/proc/stat", encoding="utf-8") as stat:
        ticks = [int(tick) for tick in stat.readline().split()[1:9]]
    return sum(ticks), sum(ticks) - ticks[3] - ticks[4]


def counts(url):
    """Good polls so far; with `values`, the values of one of them."""
    said = get(url)
    if said.startswith("{"):
        return json.loads(said)
    good = re.findall(r'^roundsman_polls_total\{outcome="(?:ok|partial)"\} (\d+)', said, re.M)
    told = get(url + "/hosts").splitlines()
    hosts = sum(line.startswith("roundsman_host_up{") and line.endswith(" 1") for line in told)
    read = sum(1 for line in told if line and not line.startswith("#") and not NOT_READ.match(line))
    return {"polls": sum(map(int, good)), "values": read / hosts}


def asked_ms(url):
    """The first answer, and the median of those after it; an answer without a value is an error."""
    took = []
    for _ in range(ASKED):
        begin = time.perf_counter()
        said = get(url)
        took.append((time.perf_counter() - begin) * 1e3)
        if not A_VALUE.search(said):
            sys.exit(f"{url}: no values: {said[:300]}")
    return took[0], statistics.median(took[1:])


def run(results, label, program, database, counts_url, length_s, one_host, top):
    begin, cpu, of_database, all_ticks = counts(counts_url), cpu_ms(program), cpu_ms(database), machine()
    time.sleep(float(length_s))
    cpu, of_database = cpu_ms(program) - cpu, cpu_ms(database) - of_database
    end, ticks = counts(counts_url), machine()
    polls = end["polls"] - begin["polls"]
    measured = {
        "label": label,
        "polls": polls,
        "values": end["values"],
        "cpu_ms": cpu / polls,
        "database_ms": of_database / polls if database != "-" else None,
        "resident_mb": resident_mb(program),
        "database_mb": resident_mb(database) if database != "-" else None,
        "busy_pct": 100 * (ticks[1] - all_ticks[1]) / (ticks[0] - all_ticks[0]),
        "one_host_ms": asked_ms(one_host),
        "top_ms": asked_ms(top),
    }
    with open(results, "a", encoding="utf-8") as file:
        print(json.dumps(measured), file=file)


def agent(results, label, pid, answers, *command):
    def on_cpu_ms():
        total = 0
        for thread in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with open(thread, encoding="ascii") as stat:
                total += int(stat.read().split()[0])
        return total / 1e6

    def ask():
        # Nothing of what whoever measures has set.
        clean = {"PATH": os.environ["PATH"], "HOME": os.getcwd()}
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=clean)

    ask()
    before = on_cpu_ms()
    ask()
    told = {"label": label, "answer_ms": (on_cpu_ms() - before) / int(answers), "resident_mb": resident_mb(pid)}
    with open(results, "a", encoding="utf-8") as file:
        print(json.dumps(told), file=file)


def kept(results, polls, size, block=None):
    with open(results, encoding="utf-8") as file:
        lines = file.read().splitlines()
    last = json.loads(lines[-1])
    values = int(polls) * last["values"]
    last.update(kept_values=values, kept_bytes=int(size) / values)
    last["block_bytes"] = int(block) / values if block else None
    with open(results, "w", encoding="utf-8") as file:
        print(*lines[:-1], json.dumps(last), sep="\n", file=file)


def table(results):
    with open(results, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    rest = lambda value, form: "" if value is None else f" + {value:{form}}"
    heads = ["", "polls", "values", "CPU ms/poll", "CPU us/value", "resident MB", "bytes/value", "values kept",
             "one host ms", "top 10 ms", "busy %"]
    lines = [heads]
    for row in rows:
        if "answer_ms" in row:
            continue
        cpu = row["cpu_ms"] + (row["database_ms"] or 0)
        block = "" if row["block_bytes"] is None else f" ({row['block_bytes']:.2f})"
        lines.append([
            row["label"], str(row["polls"]), f"{row['values']:.0f}",
            f"{row['cpu_ms']:.2f}{rest(row['database_ms'], '.2f')}",
            f"{1000 * cpu / row['values']:.2f}",
            f"{row['resident_mb']:.0f}{rest(row['database_mb'], '.0f')}",
            f"{row['kept_bytes']:.2f}{block}",
            f"{row['kept_values'] / 1e6:.2f} M",
            "{:.1f} / {:.1f}".format(*row["one_host_ms"]), "{:.1f} / {:.1f}".format(*row["top_ms"]),
            f"{row['busy_pct']:.0f}",
        ])
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    for row in rows:
        if "answer_ms" in row:
            print(f"{row['label']}: {row['answer_ms']:.2f} ms an answer, {row['resident_mb']:.1f} MB resident")


if __name__ == "__main__":
    {"run": run, "agent": agent, "kept": kept, "table": table}[sys.argv[1]](*sys.argv[2:])
