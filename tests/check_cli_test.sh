#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usher test:
#
#  1. the tests of the library's policies and of the examples pass, and those
#     of the examples run every line of theirs
#  2. what test files may call works: tests/cli/objects_test.lua
#  3. failures are told with file, line and both values; a test that hangs or
#     crashes ends alone: tests/cli/failing.lua
#  4. --run, --coverage, --threshold, --json, exit status
#  5. without luassert, it says what to install

# shellcheck source=tests/cli/common.sh
. "$USHER_SRC/tests/cli/common.sh"

if ! "$usher" test "$USHER_SRC/examples/demo_test.lua" >out 2>&1 &&
	grep -q 'needs luassert' out; then
	echo "no luassert"
	exit 77
fi

status 0 "$usher" test --seconds 60 "$USHER_SRC/lua/usher"
status 0 "$usher" test --seconds 60 --threshold 100 \
	"$USHER_SRC/examples"
test "$(grep -c '100 %  ' out)" -eq "$(find "$USHER_SRC/examples" \
	-name '*.lua' ! -name '*_test.lua' | wc -l)" || fail "the coverage of the examples"

status 0 "$usher" test --seconds 60 "$USHER_SRC/tests/cli"
grep -q '^[1-9][0-9]* passed, 0 failed, 0 pending, 0 errors' out ||
	fail "the summary"

cp "$USHER_SRC/tests/cli/failing.lua" .
status 1 "$usher" test --seconds 2 failing.lua
sed 's/ ([0-9.]* s)$//' out >page
cat >code <<'END'
failing.lua
  FAIL failing by value
       failing.lua:7: Expected objects to be equal.
       Passed in:
       (string) 'b'
       Expected:
       (string) 'a'
  FAIL failing in a function
       failing.lua:9: Expected objects to be the same.
       Passed in:
       (boolean) false
       Expected:
       (boolean) true
       failing.lua:10: called from here
  FAIL failing by a loop
       failing.lua:12: the test took longer than 2 s
  FAIL failing by a loop that catches
       failing.lua:13: took longer than 2 s, and was ended
  ok   failing not after a loop
  FAIL failing by a crash
       failing.lua:17: crashed: Segmentation fault
  FAIL failing by an exit
       failing.lua:21: ended the process, with status 3
  ok   failing not after that
  FAIL failing by a policy
       failing.lua:25: policy:1: conn has no fact 'x'
  todo failing not yet
  todo failing not either
  FAIL setup fails for each
       setup: failing.lua:32: no way

2 passed, 8 failed, 2 pending, 0 errors
END
if test -n "$USHER_SANITIZERS"; then
	# A sanitizer reports the crash, and exits.
	sed -i 's/:17: .*/:17: gone/' code page
fi
case $USHER_SANITIZERS in
*thread*)
	# It holds signals back from a loop that calls nothing.
	sed -i 's/:12: .*/:12: ended/' code page
	;;
esac
diff code page || fail "what is told about failures"

status 0 "$usher" test --run 'not after|not either' failing.lua
grep -q '^2 passed, 0 failed, 1 pending' out || fail "--run"
status 2 "$usher" test --run 'no such' failing.lua
grep -q "^usher: test: --run no such: no test has such a name" err ||
	fail "--run that no test matches"
status 1 "$usher" test --json --run 'by value' failing.lua
head -n 1 out | grep -q '^{"event":"end","file":"failing.lua","index":1,"line":7,"message":"failing.lua:7: Expected' ||
	fail "--json"

cat >policy.lua <<'END'
return {
  decrypt = function(conn, ticket)
    if conn.server_name == "a" then
      return "ignore", "a"
    elseif conn.server_name == "b" then
      return "ignore", "b"
    end
    return "default"
  end,
}
END
cat >policy_test.lua <<'END'
it("is asked", function() usher.policy("policy.lua"):decrypt() end)
END
status 0 "$usher" test --coverage
grep -q '^   75 %  policy.lua (not line 4, 6)$' out || fail "--coverage"
status 1 "$usher" test --threshold 76
grep -q 'fewer lines ran than 76 %' err || fail "--threshold"
status 0 "$usher" test --threshold 75

echo 'describe("x", function(' >broken_test.lua
status 1 "$usher" test
grep -q "broken_test.lua:2: <name> or '...' expected" out ||
	fail "the syntax of a test file"
grep -q '^1 passed, 0 failed, 0 pending, 1 errors' out ||
	fail "the other file was not run"

mkdir empty
status 2 "$usher" test empty
status 2 "$usher" test /does/not/exist
status 2 "$usher" test --threshold 101
status 2 "$usher" test --run '('
LUA_PATH=/nowhere status 2 "$usher" test policy_test.lua
grep -q 'needs luassert (Debian package: lua-luassert)' err ||
	fail "no word of the package"

exit $failed
