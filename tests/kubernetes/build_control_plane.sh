#!/usr/bin/env bash
# Build a Kubernetes control plane once, for the tests, from Debian's source package, and print the folder that holds it.
#
# The folder gets kube-apiserver, kube-scheduler, kube-controller-manager, kubemark and etcd, under the names that
# KUBEBUILDER_ASSETS has them. It lies outside the repository: $ARYL_CONTROL_PLANE, else under the user's cache folder.
# A folder that is complete is used as it is. Wanted on the way: golang-go, rsync, jq, dpkg-dev (installed when the user may),
# Debian's packages of etcd and of a Go library, its source package of kubernetes 1.20, five minutes of two cores and, meanwhile, 4 GB of disk.
set -euo pipefail

readonly programs=(kube-apiserver kube-scheduler kube-controller-manager kubemark)
readonly reflection=golang-github-modern-go-reflect2-dev
readonly packages=(golang-go rsync jq dpkg-dev)
target=${ARYL_CONTROL_PLANE:-${XDG_CACHE_HOME:-$HOME/.cache}/aryl/control-plane}

complete() {
    local program
    for program in "${programs[@]}" etcd; do
        [ -x "$target/$program" ] || return 1
    done
}

refuse() {
    echo "build_control_plane: $*" >&2
    exit 1
}

install_tools() {
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    [ "$(id -u)" = 0 ] || refuse "these Debian packages are missing, and only root can install them: ${missing[*]}"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# The machine's own package sources, asked for source packages too, in lists of their own: nothing of the system is changed.
# etcd is unpacked and not installed: Debian starts a server when its package is installed.
fetch() {
    local file
    mkdir -p "$work/sources" "$work/lists/partial"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.list /etc/apt/sources.list.d/debian.sources; do
        [ -s "$file" ] || continue
        sed -E 's/^deb (.*)/deb \1\ndeb-src \1/; s/^Types:.*/Types: deb deb-src/' "$file" \
            >"$work/sources/$(basename "$file" | sed 's/^sources.list$/main.list/')"
    done
    local options=(-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" -o Dir::State::lists="$work/lists"
        -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update -qq >&2
    cd "$work"
    apt-get "${options[@]}" download -qq etcd-server "$reflection" >&2
    dpkg-deb -x etcd-server_*.deb etcd
    dpkg-deb -x "$reflection"_*.deb reflection
    apt-get "${options[@]}" source --download-only -qq kubernetes >&2
    dpkg-source --no-check -x kubernetes_*.dsc source >&2
    # The copy in the source calls Go's run time as it was before 1.18: whoever writes a map as JSON spoils memory, and an
    # API server with custom resources dies of it.
    rm -r source/vendor/github.com/modern-go/reflect2
    cp -r reflection/usr/share/gocode/src/github.com/modern-go/reflect2 source/vendor/github.com/modern-go/
}

build() {
    cd "$work/source"
    mkdir -p .go/src/k8s.io
    ln -sfn ../../.. .go/src/k8s.io/kubernetes
    local what program
    what=$(printf 'cmd/%s ' "${programs[@]}")
    GOPATH=$PWD/.go GO111MODULE=off CGO_ENABLED=0 GOCACHE="$work/gocache" make WHAT="${what% }" >&2
    for program in "${programs[@]}"; do
        install -m 755 "_output/local/bin/linux/$(go env GOARCH)/$program" "$target/$program.part"
        mv "$target/$program.part" "$target/$program"
    done
}

if ! complete; then
    [ -r /etc/debian_version ] || refuse "this builds from Debian's packages; elsewhere set KUBEBUILDER_ASSETS to a folder with ${programs[*]} and etcd"
    mkdir -p "$target"
    exec 9>"$target/.lock"
    flock 9 # two runs at once build once
    if ! complete; then
        install_tools
        work=$(mktemp -d "${TMPDIR:-/tmp}/control-plane.XXXXXX")
        trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
        (fetch)
        (build)
        install -m 755 "$work/etcd/usr/bin/etcd" "$target/etcd"
        complete || refuse "the build ended without all of ${programs[*]} etcd in $target"
    fi
fi
echo "$target"
