#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Gives each fuzzer its corpus: tests/fuzz/corpus/NAME for tests/fuzz/fuzz_NAME.

failed=0
for fuzzer in $USHER_FUZZERS; do
	corpus=$USHER_SRC/tests/fuzz/corpus/${fuzzer##*/fuzz_}
	echo "$fuzzer:"
	if ! find "$corpus" -type f -print0 |
		xargs -0 -n 500 "$USHER_BUILD/$fuzzer"; then
		failed=1
	fi
done
exit $failed
