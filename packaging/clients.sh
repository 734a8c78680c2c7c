#!/usr/bin/env bash
# Makes what programs use to talk to Roundsman, into target/clients: a wheel and an sdist of a client in Python and
# an npm package of one in TypeScript, both generated from the API's document; that document; and the protos with
# their compiled descriptor set. Of no architecture. The same commit makes the same bytes.
#
#   packaging/clients.sh                  # of the programs that cargo builds for the tests
#   packaging/clients.sh --binaries DIR   # of the `roundsman` that is there already
#   packaging/clients.sh --out DIR        # into DIR instead
#
# The document is asked of `roundsman demo`, on loopback. The generators come from PyPI, in the versions of
# packaging/clients/python.txt, and from npm, with buf, in those of packaging/clients/npm/package-lock.json. python3-venv,
# nodejs and npm are installed by apt where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
. scripts/demo.sh

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
binaries=
out=target/clients
while (($#)); do
    case $1 in
        --binaries) binaries=$(realpath "${2:?--binaries needs a folder}"); shift ;;
        --out) out=${2:?--out needs a folder}; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
out=$(realpath -m "$out")

need_venv
need_node
install_packages "${missing[@]}"
venv=$target/clients-python
python_tools "$venv" packaging/clients/python.txt
npm=$target/clients-npm
npm_tools "$npm" packaging/clients/npm
if [[ -z $binaries ]]; then
    build_programs
    binaries=$ROUNDSMAN_BIN
fi
version=$("$binaries/roundsman" --version | awk '{ print $2 }')
SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
demo=
trap 'stop_demo; rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"

start_demo "$binaries/roundsman" "$work/demo"
document "$work/openapi.json"
stop_demo
demo=
install -m 644 "$work/openapi.json" "$out/roundsman-openapi-$version.json"

# laid_out FOLDER FILE: a copy of packaging/clients/FOLDER with the licence, and the version in FILE.
laid_out() {
    cp -r "packaging/clients/$1" "$work/$1"
    cp LICENSE "$work/$1/"
    sed -i "/version\>/s/0\.0\.0/$version/" "$work/$1/$2"
    grep -q "$version" "$work/$1/$2"
}

# A part of the document that a generator leaves out is a warning, and no client.
laid_out python pyproject.toml
if ! PATH="$venv/bin:$PATH" timeout 300 "$venv/bin/python" -m openapi_python_client generate --path "$work/openapi.json" \
    --output-path "$work/python/roundsman_client" --meta none --fail-on-warning; then
    echo "no client in Python can be made of the document" >&2
    exit 1
fi
: >"$work/python/roundsman_client/py.typed"
# The wheel of the sdist: so both hold the same.
(cd "$work/python" && "$venv/bin/python" -m hatchling build --directory "$out" --target sdist)
mkdir "$work/sdist"
tar -xzf "$out"/roundsman_client-*.tar.gz --strip-components=1 -C "$work/sdist"
(cd "$work/sdist" && "$venv/bin/python" -m hatchling build --directory "$out" --target wheel)

laid_out npm package.json
"$npm/node_modules/.bin/openapi-typescript" "$work/openapi.json" --output "$work/npm/schema.d.ts" 2>&1 | tee "$work/said"
if grep -qi 'warn\|⚠' "$work/said"; then
    echo "no whole client in TypeScript can be made of the document" >&2
    exit 1
fi
ln -s "$npm/node_modules" "$work/npm/node_modules"
# What made it is of no use to who installs it.
(cd "$work/npm" && npm pkg delete devDependencies)
"$npm/node_modules/.bin/tsc" --project "$work/npm"
(cd "$work/npm" && npm pack --ignore-scripts --silent --pack-destination "$out")

protos=$work/roundsman-proto-$version
mkdir "$protos"
(cd proto && find . -name '*.proto' -exec cp --parents {} "$protos" \;)
cp LICENSE proto/README.md proto/buf.yaml "$protos/"
(cd "$protos" && "$npm/node_modules/.bin/buf" build --as-file-descriptor-set --output roundsman.binpb)
chmod -R u=rwX,go=rX "$protos"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "${protos##*/}" \
    | gzip -9n >"$out/${protos##*/}.tar.gz"

ls -l "$out"
