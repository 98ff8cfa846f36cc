#!/usr/bin/env bash
# run.sh [stage...]: runs the tests built in BUILD_DIR, stage by stage, and
# says how many passed. Without arguments: all but fuzz.
#
# A stage that fails does not keep the others from running. With TALLY=FILE,
# one line "stage passed failed" per stage is added to it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export BUILD_DIR=${BUILD_DIR:-build}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
seconds_each=${SECONDS_EACH:-60}
(($#)) || set -- unit web protocol system browser

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
total_passed=0 total_failed=0
passed=0 failed=0 # of the stage

# sum_of PATTERN FILE [GROUP]: adds up the numbers PATTERN's group matches.
sum_of() {
	sed -nE "s/$1/\\${3:-1}/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# One cmocka program per argument; what it says is shown when it fails.
unit() {
	local program out=$scratch/out good bad started

	for program; do
		started=$SECONDS
		timeout --foreground -k 5 600 "$program" >"$out" 2>&1 </dev/null
		local code=$?
		good=$(sum_of '^\[  PASSED  \] ([0-9]+) test\(s\)\.$' "$out")
		bad=$(sum_of '^\[  FAILED  \] ([0-9]+) test\(s\).*$' "$out")
		((code && !bad)) && bad=1 # died, or was too slow
		((passed += good, failed += bad))
		if ((code)); then
			cat "$out"
			echo "not ok  $(basename "$program"): exit code $code"
		else
			echo "ok  $(basename "$program"): $good tests," \
				"$((SECONDS - started)) s"
		fi
	done
}

# Files of node:test; how many run at once is the first argument.
node_tests() {
	local at_once=$1 out=$scratch/tap bad code
	local options=(--test --test-reporter=spec
		--test-reporter-destination=stdout
		--test-reporter=tap --test-reporter-destination="$out")

	shift
	[[ $(node --help) == *--test-concurrency* ]] &&
		options+=("--test-concurrency=$at_once")
	: >"$out"
	timeout --foreground -k 10 3000 node "${options[@]}" "$@" </dev/null
	code=$?
	((passed += $(sum_of '^# pass ([0-9]+)$' "$out")))
	bad=$(sum_of '^# (fail|cancelled) ([0-9]+)$' "$out" 2)
	((code && !bad)) && bad=1
	((failed += bad))
}

# One libFuzzer program per argument. Seeds are in tests/fuzz/seeds/NAME; what
# was found interesting is kept in BUILD_DIR for the next time.
fuzz() {
	local program name corpus out=$scratch/out

	for program; do
		name=$(basename "$program")
		corpus=$BUILD_DIR/corpus/$name
		mkdir -p "$corpus"
		local folders=("$corpus")
		[[ -d tests/fuzz/seeds/$name ]] &&
			folders+=("tests/fuzz/seeds/$name")
		local options=(-max_total_time="$seconds_each" -timeout=20
			-rss_limit_mb=4096 -artifact_prefix="$BUILD_DIR/found-$name-")
		[[ -f tests/fuzz/$name.dict ]] &&
			options+=(-dict="tests/fuzz/$name.dict")
		if "$program" "${options[@]}" "${folders[@]}" >"$out" 2>&1; then
			((passed += 1))
			echo "ok  $name: $(sed -n 's/^Done/done/p' "$out")"
		else
			((failed += 1))
			tail -n 60 "$out"
			echo "not ok  $name"
		fi
	done
}

shopt -s nullglob
for stage; do
	started=$SECONDS passed=0 failed=0
	case $stage in
	unit | fuzz)
		files=("tests/$stage"/*"_${stage/unit/test}.c")
		files=("${files[@]%_*}")
		files=("${files[@]/#tests/"$BUILD_DIR"}")
		runner=("$stage")
		;;
	browser) files=(tests/browser/*.test.mjs) runner=(node_tests 1) ;;
	web | protocol | system)
		files=("tests/$stage"/*.test.mjs) runner=(node_tests "$(nproc)")
		;;
	*)
		echo "no such stage: $stage" >&2
		exit 2
		;;
	esac
	echo "== $stage: ${#files[@]} files, $BUILD_DIR"
	if ((${#files[@]})); then
		"${runner[@]}" "${files[@]}"
	else
		echo "nothing to run"
		failed=1
	fi
	echo "$stage: $passed passed, $failed failed ($((SECONDS - started)) s)"
	[[ -z ${TALLY:-} ]] || echo "$stage $passed $failed" >>"$TALLY"
	((total_passed += passed, total_failed += failed))
done
echo "$total_passed passed, $total_failed failed"
((total_failed == 0 && total_passed > 0))
