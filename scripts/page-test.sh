#!/usr/bin/env bash
# Tests the page in a real browser: a server and a fleet of fake probes of this source, headless
# Chromium, playwright-core and axe-core from npm by server/page/package-lock.json. Works as root (as
# in CI) and as a user with sudo; a package that is there already is not touched.
#
#   chromium, nodejs, npm   the browser, and what drives it
#   fonts-wqy-microhei      Chinese letters, without which no width of a Chinese text means anything
#   mariadb-server          the store that goes away; kept from starting by itself
#   nginx-light             the proxy before the page; kept from starting by itself
#   haproxy                 the balancer before two servers; kept from starting by itself
#   sqlite3                 to make a day of history of some polls
#
# What is given is passed on: scripts/page-test.sh --test-name-pattern 'five thousand'
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/packages.sh

need_node
need chromium chromium
need_chinese_font
need mariadbd mariadb-server
need sqlite3 sqlite3
need nginx nginx-light
need haproxy haproxy
install_packages "${missing[@]}"

build_programs
page_modules
cd server/page
# Two files at a time: most of a test is waiting.
node --test --test-concurrency=2 --test-reporter=spec "$@" test/*.test.mjs
