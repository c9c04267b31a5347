#!/bin/sh
# SPDX-License-Identifier: MIT
#
# luacheck has nothing to say about our Lua, given the sandbox's globals.

if ! command -v luacheck >/dev/null 2>&1; then
	echo "no luacheck"
	exit 77
fi

cd "$USHER_SRC" || exit 1
luacheck --no-color --codes lua examples src/cli tests/cli || exit 1

# And it has something to say about what the sandbox has not.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat >"$work/bad.lua" <<'END'
local a = io.open("x")
local b = string.dump(a)
return { decrypt = function() return math.huge, os.time(), os.getenv(b) end }
END
luacheck --no-color --codes --config lua/library/usher.luacheckrc \
	"$work/bad.lua" >"$work/out"
for what in "undefined variable 'io'" "undefined field 'dump'" \
	"undefined field 'getenv'"; do
	grep -q "$what" "$work/out" || {
		cat "$work/out"
		echo "luacheck did not find: $what"
		exit 1
	}
done
test "$(grep -c 'bad.lua:' "$work/out")" -eq 3 || {
	cat "$work/out"
	echo "luacheck found more than there is"
	exit 1
}
