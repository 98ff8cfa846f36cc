#!/usr/bin/env bash
# docker-host.sh WORKDIR: makes a bare Debian 12 host able to build and run the
# compose stack, also where no image registry can be reached: the engine and
# compose from Debian's packages, and debian:bookworm-slim bootstrapped from
# them. Run as root. Prints the environment to use.
#
# It starts an engine only if none answers, and leaves its pid in
# WORKDIR/dockerd.pid for the caller to stop.
set -euo pipefail

work=$(realpath -m "${1:?usage: docker-host.sh WORKDIR}")
mkdir -p "$work"
export DEBIAN_FRONTEND=noninteractive DOCKER_CONFIG=$work/docker-config

if ! command -v dockerd >/dev/null || ! command -v mmdebstrap >/dev/null; then
	apt-get update -q >/dev/null
	apt-get install -y -q --no-install-recommends docker.io iptables \
		mmdebstrap ca-certificates curl >/dev/null
fi

# Where apt gets bookworm from is where the rest comes from, too.
# shellcheck disable=SC2016 # apt expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' \
	'Created-By: Packages' | grep -v security | sort -u | head -n 1)

# Debian 12 has neither compose v2 nor buildx; Debian 13's need only its libc.
# They are fetched signed and unpacked where only this run sees them.
fetch_plugins() {
	local apt=$work/apt
	local options=(-q -o Dir::Etc::sourcelist="$apt/trixie.list"
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists"
		-o Dir::Cache="$apt" -o APT::Sandbox::User=root)

	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/x" \
		"$DOCKER_CONFIG/cli-plugins"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$mirror trixie main" >"$apt/trixie.list"
	apt-get "${options[@]}" update >/dev/null
	cd "$apt"
	apt-get "${options[@]}" download docker-compose docker-buildx >/dev/null
	for package in ./*.deb; do
		dpkg -x "$package" x
	done
	cp x/usr/libexec/docker/cli-plugins/* "$DOCKER_CONFIG/cli-plugins/"
}

if ! docker compose version >/dev/null 2>&1; then
	(fetch_plugins)
fi

if ! docker info >/dev/null 2>&1; then
	setsid dockerd >"$work/dockerd.log" 2>&1 &
	echo $! >"$work/dockerd.pid"
	for _ in $(seq 300); do
		docker info >/dev/null 2>&1 && break
		kill -0 "$(cat "$work/dockerd.pid")" || {
			tail "$work/dockerd.log" >&2
			exit 1
		}
		sleep 0.1
	done
fi

# The base image. Certificates the host trusts are added, so that builds reach
# the package registries it reaches. Nothing built on it may be published.
if ! docker image inspect debian:bookworm-slim >/dev/null 2>&1; then
	hooks=()
	for cert in /usr/local/share/ca-certificates/*.crt; do
		[[ -e $cert ]] && hooks+=(--customize-hook="upload $cert $cert")
	done
	# shellcheck disable=SC2016 # $1 is mmdebstrap's
	mmdebstrap -q --variant=minbase --aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--customize-hook='mkdir -p "$1/usr/local/share/ca-certificates"' \
		"${hooks[@]}" bookworm "$work/base.tar" "$mirror" >&2
	docker import -c 'CMD ["bash"]' "$work/base.tar" \
		debian:bookworm-slim >/dev/null
	rm -f "$work/base.tar"
fi
echo "export DOCKER_CONFIG=$DOCKER_CONFIG"
