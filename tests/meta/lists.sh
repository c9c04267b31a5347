#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each source file stands in a local.mk, so that it is built and distributed.

cd "$USHER_SRC" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cat Makefile.am ./*/local.mk ./*/*/local.mk >"$work/all"
failed=0
for file in $(find src examples tests lua -name '*.[ch]' -o -name '*.def' \
	-o -name '*.sh' -o -name '*.lua' 2>/dev/null | LC_ALL=C sort); do
	# A test program is named without its ".c".
	if ! grep -qF -e "$file" -e "\$(srcdir)/$file" "$work/all" &&
		! grep -qE "^[A-Za-z_]+ \+= ${file%.c}\$" "$work/all"; then
		echo "$file stands in no local.mk"
		failed=1
	fi
done
exit $failed
