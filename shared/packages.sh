#!/usr/bin/env bash
# packages.sh run|test|all: installs the Debian packages that are missing.
#
# run:  to build and run the daemons and the page
# test: besides, what `make test`, `make lint` and `make fuzz` use
set -euo pipefail

run=(
	build-essential pkg-config ca-certificates tzdata
	libnng-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev
	libcjson-dev libcurl4-openssl-dev liblmdb-dev uuid-dev
	libglib2.0-dev libsqlite3-dev libstemmer-dev libmicrohttpd-dev
)
test=(
	libcmocka-dev python3 iproute2 procps
	clang clang-format clang-tidy libclang-rt-dev llvm cppcheck shellcheck lmdb-utils
	prometheus
	chromium fonts-dejavu-core
)

case "${1:-}" in
run) wanted=("${run[@]}") ;;
test) wanted=("${test[@]}") ;;
all) wanted=("${run[@]}" "${test[@]}") ;;
*)
	echo "usage: packages.sh run|test|all" >&2
	exit 2
	;;
esac

# Node from elsewhere is as good as Debian's, if it is new enough.
node_is_there() {
	local major

	command -v npm >/dev/null &&
		major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) &&
		((major >= 18))
}
node_is_there || wanted+=(nodejs npm)

if ! command -v dpkg-query >/dev/null; then
	echo "packages.sh knows Debian only. Install what these hold:" >&2
	printf '  %s\n' "${wanted[@]}" >&2
	exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' \
	"${wanted[@]}" 2>/dev/null | sed -n 's/^ii *//p') || true
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" |
	grep -vxF "$installed" || true)
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
	if ! command -v sudo >/dev/null; then
		echo "Missing packages, and neither root nor sudo here. As root:" >&2
		echo "  apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "installing: ${missing[*]}"
apt() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}
# Package lists that are absent or old fail here, and are fetched then.
apt install --no-install-recommends -y "${missing[@]}" </dev/null \
	>/dev/null 2>&1 && exit 0
apt update </dev/null
apt install --no-install-recommends -y "${missing[@]}" </dev/null >/dev/null || {
	echo "could not install: ${missing[*]}" >&2
	exit 1
}
