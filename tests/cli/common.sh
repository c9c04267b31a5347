# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# For the tests of usher's commands: to be sourced. They run in a folder of
# their own, and end with "exit $failed".

# shellcheck disable=SC2034  # for who sources this
usher=$USHER_BUILD/usher
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail()
{
	echo "FAILED: $*"
	failed=1
}

# status N COMMAND...: runs it, its output in "out" and "err".
status()
{
	expected=$1
	shift
	"$@" >out 2>err
	got=$?
	test "$got" -eq "$expected" || {
		cat out err
		fail "$* exited with $got, not $expected"
	}
}

cd "$work" || exit 1
