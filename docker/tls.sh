# shellcheck shell=bash disable=SC2154
# Sourced after password.sh: certificates between server and probes. The authority is a folder of this
# machine, with its key in a file of mode 0600 that is copied nowhere; what issues is the program in the
# server's image.

authority=${ROUNDSMAN_DOCKER_AUTHORITY:-$password_dir/ca}

# Swarm gives all tasks of a service the same secrets. So all probes share one certificate, of the name that
# they are found by.
probe_name=tasks.probe

# ca ARGUMENTS...: `roundsman ca ARGUMENTS` on that folder.
ca() {
    local image=${ROUNDSMAN_DOCKER_IMAGE:-${ROUNDSMAN_DOCKER_PREFIX:-}roundsman:${ROUNDSMAN_DOCKER_VERSION:-latest}}
    docker run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
        --user "$(id -u):$(id -g)" --volume "$authority:/ca" "$image" ca "$@" --dir /ca
}

# Makes the authority, unless it is there, and of its certificates those that are not there or are over.
make_certificates() {
    if [[ ! -e $authority/ca.pem ]]; then
        mkdir -p "$authority"
        chmod 700 "$password_dir" "$authority"
        ca init >/dev/null
        echo "made an authority in $authority: its key signs every certificate, so it stays here alone"
    fi
    ca issue "$probe_name" roundsman:server >/dev/null
}

# identity ROLE: the folder with certificate and key of the probes, or of the server.
identity() {
    case $1 in
        probe) echo "$authority/hosts/$probe_name" ;;
        server) echo "$authority/server" ;;
    esac
}

# trusted: the authorities that both sides trust and what they revoked, in one text. While one takes another's
# place (rotate.sh --authority) there are two.
trusted() {
    local folder
    for folder in "$authority" "$authority.next" "$authority.last"; do
        [[ ! -e $folder/crl.pem ]] || cat "$folder/ca.pem" "$folder/crl.pem"
    done
}

# with_tls INVENTORY: the same, with what encryption takes in its [defaults], unless these say `tls` themselves.
with_tls() {
    awk -v name="$probe_name" '
        BEGIN {
            tls = "tls = \"mtls\"\nca = \"/run/secrets/trust.pem\"\ncrl = \"/run/secrets/trust.pem\"\n" \
                "cert = \"/run/secrets/server.pem\"\nkey = \"/run/secrets/server.pem\"\n" \
                "server_name = \"" name "\""
        }
        /^[ \t]*\[/ { inside = /^[ \t]*\[defaults\]/; if (inside) at = NR }
        inside && /^[ \t]*tls[ \t]*=/ { own = 1 }
        { lines[NR] = $0 }
        END {
            for (n = 1; n <= NR; n++) {
                print lines[n]
                if (n == at && !own) print tls
            }
            if (!at) print "\n[defaults]\n" tls
        }' "$1"
}

# give ROLE: puts what a single container of that role takes into a folder of its own, which it has at /run/tls.
# The files belong to the user of the images, for a key that everybody may read is refused.
give() {
    local folder=$password_dir/$1 from
    [[ ! -e $folder/$1.pem || -e $authority/ca.key ]] || return 0
    if [[ $(id -u) != 0 ]]; then
        echo "ROUNDSMAN_DOCKER_TLS=mtls needs root: its files belong to the user of the images, 65532" >&2
        exit 1
    fi
    make_certificates
    from=$(identity "$1")
    mkdir -p "$folder"
    chmod 755 "$folder"
    cat "$from/$1.pem" "$from/$1.key" | put "$folder/$1.pem"
    trusted | put "$folder/trust.pem"
}

# put FILE: there is what comes in; the file is never half there.
put() {
    install -o 65532 -g 65532 -m 400 /dev/stdin "$1.new"
    mv "$1.new" "$1"
}
