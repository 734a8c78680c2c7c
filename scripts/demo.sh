# shellcheck shell=bash
# Sourced: a `roundsman demo` on loopback, with a token that nobody else knows and nobody else's settings.

# start_demo PROGRAM FOLDER: starts it, with its files in FOLDER. Then $demo is its process, $address where it
# answers and $TOKEN, exported, what it is asked with; FOLDER/errors has what it says.
start_demo() {
    local folder=$2
    mkdir -p "$folder"
    head -c 24 /dev/urandom | base64 >"$folder/token"
    # Read from the first moment on.
    : >"$folder/errors"
    (cd "$folder" && exec env -i PATH="$PATH" HOME="$folder" ROUNDSMAN_HTTP__TOKEN_FILE="$folder/token" \
        "$1" demo --data "$folder" >said 2>>errors) &
    demo=$!
    address=
    for _ in {1..300}; do
        address=$(sed -n 's,^Page: \(http://[^/]*\)/.*,\1,p' "$folder/errors")
        [[ -z $address ]] || break
        kill -0 "$demo" 2>/dev/null || break
        sleep 0.2
    done
    if [[ -z $address ]]; then
        echo "$1 demo did not start:" >&2
        cat "$folder/said" "$folder/errors" >&2
        return 1
    fi
    TOKEN=$(<"$folder/token")
    export TOKEN
}

# stop_demo: the one that start_demo started, if it did.
stop_demo() {
    [[ -z ${demo:-} ]] || kill "$demo" 2>/dev/null || true
    wait "${demo:-}" 2>/dev/null || true
}

# document FILE: what a server that start_demo started says of its API.
document() {
    python3 - "$address/api/v1/openapi.json" >"$1" <<'PYTHON'
import os, sys
from urllib.request import Request, urlopen

asked = Request(sys.argv[1], headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
sys.stdout.write(urlopen(asked).read().decode())
PYTHON
}
