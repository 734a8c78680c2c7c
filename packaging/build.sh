#!/usr/bin/env bash
# Builds what people install without Docker, into target/packages: a .deb and an .rpm of the server and of the probe,
# the tarball that install.sh installs, install.sh itself, what each program contains (SBOM), and SHA256SUMS of it
# all. For this machine's architecture. The same commit makes the same bytes.
#
#   packaging/build.sh                    # docker/build.sh compiles static binaries; takes some minutes
#   packaging/build.sh --fast             # hardly optimised, in half the time: for tests
#   packaging/build.sh --binaries DIR     # of binaries that are there already
#   packaging/build.sh --version 9.9.9    # called another version than the programs are: to try an upgrade
#   packaging/build.sh --out DIR          # into DIR instead
#
# debhelper, rpm and python3 are installed by apt where they are missing. The SBOM is that of scripts/supply.sh; where that
# cannot be made a line says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

binaries=
version=
out=target/packages
compile=(--only-binaries)
while (($#)); do
    case $1 in
        --fast) compile+=(--fast) ;;
        --binaries) binaries=$(realpath "${2:?--binaries needs a folder}"); shift ;;
        --version) version=${2:?--version needs a number}; shift ;;
        --out) out=${2:?--out needs a folder}; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done

need dh debhelper
need dpkg-buildpackage dpkg-dev
need rpmbuild rpm
need python3 python3
install_packages "${missing[@]}"

if [[ -z $binaries ]]; then
    docker/build.sh "${compile[@]}"
    binaries=$PWD/target/image/$(rustc -vV | sed -n 's/^host: //p')/dist
fi
for program in roundsman roundsman-probe; do
    if readelf -lW "$binaries/$program" | grep INTERP >/dev/null; then
        echo "NOTE: $binaries/$program is linked dynamically: the packages fit machines with these libraries alone" >&2
    fi
done
[[ -n $version ]] || version=$("$binaries/roundsman" --version | awk '{ print $2 }')
# As dpkg and rpm have it: 1.2.0~rc1 comes before 1.2.0.
packed=${version/-/\~}
machine=$(uname -m)
SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"
out=$(realpath "$out")

# stage PROGRAM ROOT PREFIX ZSH: what a machine has of a program, laid out below ROOT: its files below PREFIX, its
# configuration below /etc. ZSH is the folder of zsh's completions, below PREFIX.
stage() {
    local program=$1 root=$2 prefix=$3 zsh=$4
    local to=$root$prefix source=$binaries/$1
    install -D -m 755 "$source" "$to/bin/$program"

    mkdir -p "$to/share/man/man1"
    "$source" man "$to/share/man/man1" >/dev/null
    find "$to/share/man" -name '*.1' -exec gzip -9nf {} +
    mkdir -p "$to/share/bash-completion/completions" "$to/share/$zsh" "$to/share/fish/vendor_completions.d"
    "$source" completions bash >"$to/share/bash-completion/completions/$program"
    "$source" completions zsh >"$to/share/$zsh/_$program"
    "$source" completions fish >"$to/share/fish/vendor_completions.d/$program.fish"

    # The units in the source name /usr/local/bin.
    mkdir -p "$to/lib/systemd/system"
    sed "s,/usr/local/bin/,$prefix/bin/," "packaging/systemd/$program.service" >"$to/lib/systemd/system/$program.service"

    if [[ $program == roundsman ]]; then
        # Named there and not only in the unit, so that a person's command finds what the service keeps.
        sed 's,^# data = .*,data = "/var/lib/roundsman",' docker/roundsman.toml \
            | install -D -m 644 /dev/stdin "$root/etc/roundsman/roundsman.toml"
        grep -q '^data = ' "$root/etc/roundsman/roundsman.toml"
        install -D -m 644 inventory.toml "$root/etc/roundsman/inventory.toml"
    else
        install -D -m 644 packaging/roundsman-probe.default "$root/etc/default/roundsman-probe"
    fi
    chmod -R u=rwX,go=rX "$root"
}

# third_party PROGRAM: the licences of what it has of others, into the file of that name; made anew where Cargo.lock or
# what makes it is newer.
licences=${CARGO_TARGET_DIR:-target}/third-party
third_party() {
    local made=$licences/$1.txt
    [[ $made -nt Cargo.lock && $made -nt packaging/third-party.py ]] && return
    mkdir -p "$licences"
    packaging/third-party.py "$1" >"$work/third-party"
    mv "$work/third-party" "$made"
}

# filled FILE: with what a person does next where a line names it, @roundsman@ or @roundsman-probe@.
filled() {
    sed -E -e '/^@roundsman@$/{r packaging/next-steps/roundsman.txt' -e 'd}' \
        -e '/^@roundsman-probe@$/{r packaging/next-steps/roundsman-probe.txt' -e 'd}' "$1"
}

debs() {
    local source=$work/deb/roundsman program file
    mkdir -p "$source"
    cp -r packaging/debian "$source/debian"
    cp CHANGELOG.md "$source/"
    mkdir "$source/debian/source"
    echo '3.0 (quilt)' >"$source/debian/source/format"
    cat >"$source/debian/changelog" <<END
roundsman ($packed-1) unstable; urgency=medium

  * See changelog.gz beside this file.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(date -uRd "@$SOURCE_DATE_EPOCH")
END
    for program in roundsman roundsman-probe; do
        stage "$program" "$source/stage/$program" /usr zsh/vendor-completions
        install -D -m 644 "$licences/$program.txt" "$source/stage/$program/usr/share/doc/$program/THIRD-PARTY.txt"
        # debhelper knows which folder this Debian wants it in.
        mv "$source/stage/$program/usr/lib/systemd/system/$program.service" "$source/debian/$program.service"
        rm -r "$source/stage/$program/usr/lib"
        filled "packaging/debian/$program.postinst" >"$source/debian/$program.postinst"
    done
    (cd "$source" && DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage --build=binary --no-sign) >"$work/log" 2>&1 \
        || { cat "$work/log" >&2; return 1; }
    for file in "$work"/deb/*.deb; do
        # GitHub has no ~ in the name of a file.
        program=${file##*/}
        cp "$file" "$out/${program//\~/-}"
    done
}

rpms() {
    local top=$work/rpm program
    for program in roundsman roundsman-probe; do
        stage "$program" "$top/stage/$program" /usr zsh/site-functions
        install -D -m 644 -t "$top/stage/$program/usr/share/doc/$program" CHANGELOG.md README.md
        install -D -m 644 -t "$top/stage/$program/usr/share/licenses/$program" LICENSE
        install -m 644 "$licences/$program.txt" "$top/stage/$program/usr/share/licenses/$program/THIRD-PARTY.txt"
        {
            [[ $program != roundsman ]] || echo '%dir /etc/roundsman'
            echo "%dir /usr/share/doc/$program"
            echo "%dir /usr/share/licenses/$program"
            # They belong to the shells, which need not be there.
            printf '%%dir /usr/share/%s\n' bash-completion bash-completion/completions fish \
                fish/vendor_completions.d zsh zsh/site-functions
            (cd "$top/stage/$program" && find . -type f -printf '/%P\n') | sort | sed -e 's,^/etc/,%config(noreplace) &,' \
                -e 's,^/usr/share/doc/,%doc &,' -e 's,^/usr/share/licenses/,%license &,'
        } >"$top/stage/$program.files"
    done
    filled packaging/roundsman.spec >"$top/roundsman.spec"
    rpmbuild -bb --quiet --define "_topdir $top" --define "_rpmdir $out" \
        --define "_rpmfilename %%{NAME}-$version-%%{RELEASE}.%%{ARCH}.rpm" \
        --define "stage $top/stage" --define "version_ $packed" \
        --define "day $(LC_ALL=C date -ud "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')" "$top/roundsman.spec" >"$work/log" 2>&1 \
        || { cat "$work/log" >&2; return 1; }
}

tarball() {
    local name=roundsman-$version-$machine-linux program
    for program in roundsman roundsman-probe; do
        stage "$program" "$work/$name/$program" /usr/local zsh/site-functions
        install -D -m 644 "packaging/next-steps/$program.txt" "$work/$name/next-steps/$program.txt"
        install -D -m 644 "$licences/$program.txt" "$work/$name/third-party/$program.txt"
    done
    cp README.md CHANGELOG.md LICENSE "$work/$name/"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" \
        | gzip -9n >"$out/$name.tar.gz"
}

# contents: what is in each program, by name, version and licence.
contents() {
    local sbom=target/sbom
    [[ -n ${CARGO_TARGET_DIR:-} ]] && sbom=$CARGO_TARGET_DIR/sbom
    if [[ ! $sbom/server.cdx.json -nt Cargo.lock ]]; then scripts/supply.sh; fi
    if [[ ! -s $sbom/server.cdx.json ]]; then
        echo "NOT IN IT: the SBOM, which scripts/supply.sh could not make" >&2
        return
    fi
    cp "$sbom/server.cdx.json" "$out/roundsman-$version.cdx.json"
    cp "$sbom/probe.cdx.json" "$out/roundsman-probe-$version.cdx.json"
}

third_party roundsman
third_party roundsman-probe
debs
rpms
tarball
contents
install -m 755 packaging/install.sh "$out/"
(cd "$out" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS && chmod 644 SHA256SUMS)
ls -l "$out"
