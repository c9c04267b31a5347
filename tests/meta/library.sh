#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What editors and linters are told (lua/library) is what the source would make:
# "make annotations" writes it anew. It is about the functions and options that
# there are, all of them and no others, or the program refuses to make it; and
# each class and alias is declared once.

failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# same KIND FILE
same()
{
	"$USHER_BUILD/usher" annotate "$1" >"$work/made" || failed=1
	if ! diff "$USHER_SRC/lua/library/$2" "$work/made"; then
		echo "lua/library/$2 is not what the source makes"
		failed=1
	fi
}

same library usher.lua
same data usher/data.lua
same ip usher/ip.lua
same store usher/store.lua
same tests for_tests.lua
same luacheck usher.luacheckrc

cd "$USHER_SRC" || exit 1
twice=$(grep -rhoE '^---@(class|alias) [^ :]+' lua | LC_ALL=C sort | uniq -d)
if test -n "$twice"; then
	echo "declared more than once: $twice"
	failed=1
fi
exit $failed
