#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each source file names its licence in one of its first lines.

cd "$USHER_SRC" || exit 1

failed=0
for file in bootstrap .ci/run configure.ac Makefile.am m4/usher.m4 \
	$(find src lua tests examples -name '*.[ch]' -o -name '*.lua' \
		-o -name '*.sh' -o -name '*.def' -o -name '*.map' \
		-o -name 'local.mk' 2>/dev/null); do
	if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT'; then
		echo "$file has no SPDX line"
		failed=1
	fi
done
exit $failed
