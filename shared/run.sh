#!/usr/bin/env bash
# run.sh: all four daemons on this machine, until Ctrl-C.
#
# A daemon that dies is started again after a second. What they say goes to
# DATA_DIR/log/NAME.log; here appear only starts, ends and troubles.
#
#   BUILD_DIR    where the daemons are                  build
#   DATA_DIR     store and logs                         ./data
#   TENANTS_DIR  the businesses                         agentd/tenants
#   PORT         of the page                            3001
#   SESSIOND_PORT, EVENTS_PORT                          7001, 7002
#   ADMIN_PORT   of the gateway; the others' follow it  3901
#
# Settings of the daemons themselves are passed on: sessiond --help lists them.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

BUILD_DIR=${BUILD_DIR:-build}
DATA_DIR=${DATA_DIR:-data}
PORT=${PORT:-3001}
SESSIOND_PORT=${SESSIOND_PORT:-7001}
EVENTS_PORT=${EVENTS_PORT:-7002}
ADMIN_PORT=${ADMIN_PORT:-3901}
export TENANTS_DIR=${TENANTS_DIR:-agentd/tenants}
export SESSIOND_URL=tcp://127.0.0.1:$SESSIOND_PORT
export SESSIOND_EVENTS_URL=tcp://127.0.0.1:$EVENTS_PORT
page="http://127.0.0.1:$PORT/?business=B0100001"
stop_seconds=15
misuse=2 # exit code of a daemon with a wrong setting: no restart mends it

order=(sessiond agentd cleanupd gateway) # of starting; stopping is backwards
declare -A pids=() due=() admin=()
stopping='' failed=0

say() {
	printf '%s  %s\n' "$(date +%T)" "$*"
}

# What a daemon is told beyond the environment.
settings_of() {
	case $1 in
	sessiond)
		echo "LISTEN=$SESSIOND_URL"
		echo "EVENTS_LISTEN=$SESSIOND_EVENTS_URL"
		echo "STORE_DIR=${STORE_DIR:-$DATA_DIR/store}"
		;;
	gateway)
		echo "LISTEN=127.0.0.1:$PORT"
		echo "WEB_DIR=${WEB_DIR:-$BUILD_DIR/web}"
		;;
	esac
	echo "ADMIN_LISTEN=127.0.0.1:${admin[$1]}"
}

# In a session of its own a daemon does not hear the terminal's Ctrl-C, so we
# stop them in order; and it ends with us even if we are killed.
start() {
	local settings

	mapfile -t settings < <(settings_of "$1")
	env "${settings[@]}" setsid setpriv --pdeathsig TERM "$BUILD_DIR/$1" \
		>>"$DATA_DIR/log/$1.log" 2>&1 </dev/null 9>&- &
	pids[$1]=$!
	unset "due[$1]"
}

# Is anything listening there?
is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

is_ready() (
	exec 3<>"/dev/tcp/127.0.0.1/${admin[$1]}" || exit 1
	printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
	read -r -t 5 _ status _ <&3
	[[ ${status:-} == 200 ]]
) 2>/dev/null

# Looks after every daemon once: who is gone is due again in a second.
look_after() {
	local name code now=${EPOCHREALTIME//[!0-9]/} # microseconds

	for name in "${order[@]}"; do
		if [[ -n ${due[$name]:-} ]]; then
			((now >= due[$name])) && start "$name"
		elif ! kill -0 "${pids[$name]}"; then
			wait "${pids[$name]}"
			code=$?
			say "$name ended ($code), again in a second;" \
				"the end of $DATA_DIR/log/$name.log:"
			tail -n 3 "$DATA_DIR/log/$name.log" | cut -c -300
			due[$name]=$((now + 1000000))
			((code == misuse)) && stopping=1 failed=1
		fi
	done
}

# One after the other, so that each finds its peers while it ends.
stop_all() {
	local i name pid left

	for ((i = ${#order[@]} - 1; i >= 0; i--)); do
		name=${order[i]} pid=${pids[$name]:-}
		[[ -n $pid && -z ${due[$name]:-} ]] || continue
		kill -TERM "$pid" || continue
		left=$((stop_seconds * 10))
		while kill -0 "$pid" && ((left-- > 0)); do
			sleep 0.1
		done
		kill -KILL "$pid" &&
			say "$name did not end in $stop_seconds s and was killed"
		wait "$pid"
	done
}

i=0
for name in gateway sessiond agentd cleanupd; do
	admin[$name]=$((ADMIN_PORT + i++))
	if [[ ! -x $BUILD_DIR/$name ]]; then
		echo "$BUILD_DIR/$name is not built: run make" >&2
		exit 1
	fi
done

mkdir -p "$DATA_DIR/log" "$DATA_DIR/store" || exit 1
exec 9>"$DATA_DIR/run.lock"
if ! flock -n 9; then
	echo "already running on $DATA_DIR: stop that one first," \
		"or choose another DATA_DIR and PORT" >&2
	exit 1
fi
for port in "$PORT" "$SESSIOND_PORT" "$EVENTS_PORT" "${admin[@]}"; do
	if is_open "$port"; then
		echo "port $port is taken: is Taifas running already?" \
			"Else choose another (see shared/run.sh)" >&2
		exit 1
	fi
done

trap 'stopping=1' INT TERM HUP
for name in "${order[@]}"; do
	start "$name"
done
say "starting; logs are in $DATA_DIR/log"

announced=
while [[ -z $stopping ]]; do
	look_after
	if [[ -z $announced ]] && is_ready gateway; then
		announced=1
		say "ready: $page   (Ctrl-C stops)"
	fi
	sleep 0.2
done 2>/dev/null # where bash would tell in its own words who was killed
say "stopping"
trap '' INT TERM HUP
stop_all 2>/dev/null
say "stopped"
exit "$failed"
