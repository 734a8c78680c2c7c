# Sourced by the scripts that fetch packages of Debian into a folder of their own: apt with directories inside
# that folder, so that nothing of the system is changed. What is fetched is checked against the archive's signature.
# shellcheck shell=bash

# debian_apt FOLDER SUITE ARCHIVE: fetches the lists of that suite; `apt_options` are those of every further apt-get.
# Without an ARCHIVE it is the one that the machine's own sources name, in whichever form they stand and whether
# their lists were ever fetched (security's is another one, which has no sid).
debian_apt() {
    local apt=$1 suite=$2 archive=$3 arch keyring=/usr/share/keyrings/debian-archive-keyring.gpg uris
    [[ -r $keyring ]] || { echo "$keyring is missing: apt-get install debian-archive-keyring" >&2; return 1; }
    if [[ -z $archive ]]; then
        uris=$(apt-get update --print-uris 2>/dev/null | sed -n "s/^'\([^']*\)\/dists\/[^']*'.*/\1/p")
        archive=$(grep -m1 '/debian/*$' <<<"$uris" || grep -v -m1 security <<<"$uris" || true)
    fi
    [[ -n $archive ]] || { echo "no archive of Debian among the machine's sources: set MYSQL_ARCHIVE" >&2; return 1; }
    arch=$(dpkg --print-architecture)
    mkdir -p "$apt/etc" "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$archive" "$suite" >"$apt/etc/sources.list"
    apt_options=(
        -o "Dir::Etc::sourcelist=$apt/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status"
        -o "Dir::State::extended_states=$apt/extended_states"
        -o "Dir::Cache=$apt/cache" -o "Dir::Log=$apt"
        -o APT::Install-Recommends=false -o APT::Get::List-Cleanup=false
        -o Acquire::Languages=none -o APT::Sandbox::User=root
        # A mirror that lags behind is as good here; what it has is signed all the same.
        -o Acquire::Check-Valid-Until=false
        # A list that cannot be fetched is an error, not a warning about a package that is missing.
        -o APT::Update::Error-Mode=any
        -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch"
        -o DPkg::Post-Invoke= -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success=
    )
    apt-get "${apt_options[@]}" update -qq
}
