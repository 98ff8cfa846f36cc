#!/usr/bin/env bash
# Prepares a host for docker if it is not one, builds the stack and runs its
# test. Whatever this started it stops.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${WORK_DIR:-build/compose}
mkdir -p "$work"
work=$(realpath "$work")
eval "$(tests/compose/docker-host.sh "$work")"

export COMPOSE_PROJECT_NAME=taifas-test EDGE_PORT=${EDGE_PORT:-33001}
end() {
	docker compose down --volumes --timeout 5 >/dev/null 2>&1 || true
	if [[ -s $work/dockerd.pid ]]; then
		kill "$(cat "$work/dockerd.pid")" 2>/dev/null || true
		rm -f "$work/dockerd.pid"
	fi
}
trap end EXIT

docker compose build --quiet
node --test --test-reporter=spec tests/compose/compose.test.mjs
