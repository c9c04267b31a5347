#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench: what a policy costs. Instructions are counted by callgrind inside
# the two callbacks only, in handshakes that resume in TLS 1.3; the first visit
# is taken off by counting two runs of different length. No time is judged.

set -eu

bench=$USHER_BUILD/tests/bench
policy=$USHER_SRC/tests/bench/policy.lua
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# collected KIND VISITS FUNCTION...: instructions inside the functions.
collected()
{
	kind=$1
	visits=$2
	shift 2
	toggles=
	for function; do
		toggles="$toggles --toggle-collect=$function"
	done
	# shellcheck disable=SC2086
	valgrind --tool=callgrind --callgrind-out-file="$work/out" \
		--collect-atstart=no $toggles \
		"$bench/bench_callbacks" "$kind" "$visits" "$policy" \
		>"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
	sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p' "$work/log"
}

# store WHAT: instructions of one operation of the store, or of counting a
# reason.
store()
{
	for n in 500 2500; do
		valgrind --tool=callgrind --callgrind-out-file="$work/out" \
			--collect-atstart=no --toggle-collect=bench_each \
			"$bench/bench_store" "$1" $n >"$work/log" 2>&1 || {
			cat "$work/log" >&2
			exit 1
		}
		sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p' "$work/log"
	done | {
		read -r few
		read -r many
		echo $(((many - few) / 2000))
	}
}

# each KIND FUNCTION...: instructions of one resumed handshake.
each()
{
	kind=$1
	shift
	few=$(collected "$kind" 20 "$@")
	many=$(collected "$kind" 220 "$@")
	echo $(((many - few) / 200))
}

row()
{
	printf '%-44s %10s %10s %10s\n' "$@"
}

lua_decrypt=$(each lua ush_decrypt_cb)
lua_generate=$(each lua ush_generate_cb)
c_decrypt=$(each plain bench_plain_decrypt)
c_generate=$(each plain bench_plain_generate)
lua=$((lua_decrypt + lua_generate))
plain=$((c_decrypt + c_generate))

row 'a resumed handshake, TLS 1.3' decrypt generate both
row 'instructions, policy in Lua' "$lua_decrypt" "$lua_generate" "$lua"
row 'instructions, the same in C' "$c_decrypt" "$c_generate" "$plain"
row 'over C' '' '' $((lua - plain))
echo
row 'bytes of app data (two short strings)' '' '' \
	"$("$bench/bench_callbacks" lua 0 "$policy")"
# shellcheck disable=SC2046
set -- $("$bench/bench_state" "$policy")
row 'bytes of a Lua state' '' '' "$1"
row 'microseconds to make one' '' '' "$2"
echo
row 'a data file of 1,000,000 entries' 'ms to load' 'bytes each' 'ns to find'
"$bench/bench_sets" 1000000
echo
row 'the store, instructions' get 'add, set' 'incr'
row 'one key of 21 bytes, one number' "$(store get)" "$(store set)" "$(store incr)"
row 'a full store, which has to evict: add' '' "$(store evict)" ''
# shellcheck disable=SC2046
set -- $("$bench/bench_store" time)
row 'time, as a multiple of a mutex locked' "$1" '' "$2"
row 'instructions to count a reason' '' '' "$(store reason)"
row 'one that is not among the first 32' '' '' "$(store other)"

echo
row 'a resumed handshake, TLS 1.3, both ends' handshakes 'us, p50' p99
"$bench/bench_reload" "${USHER_BENCH_SECONDS:-9}" | while read -r line; do
	# shellcheck disable=SC2086  # the last three words are the numbers
	set -- $line
	what=
	while test $# -gt 3; do
		what="$what${what:+ }$1"
		shift
	done
	row "$what" "$@"
done
