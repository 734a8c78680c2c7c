#!/usr/bin/env python3
"""Writes what a program has of others, each with the text of its licence: many want it to be passed on with copies.

third-party.py PROGRAM     roundsman or roundsman-probe; to standard output

The libraries are those that cargo links into it on this machine, their texts those that lie in their packages. A text
that many of them share stands once, below all their names. What comes without a text stands at the end, with its
licence and where its source is.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-._].*)?", re.IGNORECASE)
# Deep enough for the C that a package of Rust brings with it.
DEPTH = 3
# What is linked and is no package of cargo's.
BESIDE = [
    "Rust's standard library (MIT OR Apache-2.0) https://github.com/rust-lang/rust",
    "The GNU C Library (LGPL-2.1-or-later), in programs that are linked statically https://sourceware.org/glibc/",
]


def cargo(*words):
    done = subprocess.run(["cargo", *words, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def packages(program):
    """Those that are linked into the program, but for our own."""
    tree = cargo("tree", "--package", program, "--edges", "normal", "--prefix", "none", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    known = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    return [one for one in known if one["source"] and (one["name"], f"v{one['version']}") in linked]


def texts(folder):
    """The texts of licences in a package, nearest first."""
    found = [path for path in folder.rglob("*") if TEXT.fullmatch(path.name) and path.is_file()]
    found = [path for path in found if path.suffix != ".rs" and len(path.relative_to(folder).parts) <= DEPTH]
    return [path.read_text(errors="replace").strip() for path in sorted(found, key=lambda one: (len(one.parts), one))]


def main(program):
    of_text, without = {}, []
    for package in packages(program):
        name = f"{package['name']} {package['version']} ({package['license'] or 'see its text'})"
        found = texts(Path(package["manifest_path"]).parent)
        for text in found:
            names = of_text.setdefault(" ".join(text.split()), (text, []))[1]
            if name not in names:
                names.append(name)
        if not found:
            without.append(f"{name} {package['repository'] or ''}".rstrip())
    if program == "roundsman":
        page = ROOT / "server/page/node_modules/uplot"
        if not page.is_dir():
            sys.exit(f"{page} is missing: cargo build --package roundsman fetches it")
        version = json.loads((page / "package.json").read_text())["version"]
        text = (page / "LICENSE").read_text().strip()
        of_text.setdefault(" ".join(text.split()), (text, []))[1].append(f"uPlot {version} (MIT), in the page")
    print(f"{program} contains libraries of others. Their licences:")
    for text, names in sorted(of_text.values(), key=lambda one: one[1]):
        print("", "=" * 100, *names, "-" * 100, text, sep="\n")
    print("", "=" * 100, "Their texts stand in their sources:", *without, *BESIDE, sep="\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
