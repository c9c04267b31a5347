#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usher check:
#
#  1. finds each mistake of tests/cli/mistakes.txt, on its line, with its
#     advice, and nothing else
#  2. has nothing to say about the examples, and says what they cost
#  3. prints JSON that says the same
#  4. exits with 0, 1 and 2
#  5. loads with the limits that it is given
#  6. takes recorded facts as further samples
#  7. looks at what a policy requires, too
#  8. tells all wrong lines of its data files, and goes on without them

# shellcheck source=tests/cli/common.sh
. "$USHER_SRC/tests/cli/common.sh"

awk '/^==== / { n++; file = sprintf("%02d.lua", n); sub(/^==== /, "")
		print > (file ".name"); printf "" > file; next }
	n { print > file }' "$USHER_SRC/tests/cli/mistakes.txt"

# compare FILE: the findings in "out" against the comments in the file.
compare()
{
	awk -v file="$1" '
	FNR == NR {
		n = split($0, part, / *--> /)
		for (i = 2; i <= n; i++) {
			want[FNR] = want[FNR] "\n" part[i]
			lines[FNR] = 1
		}
		next
	}
	index($0, file ":") == 1 && $0 ~ /^[^:]*:[0-9]+: / {
		split($0, part, ":")
		found[part[2]] = found[part[2]] $0 "\n"
		if (!(part[2] in lines)) {
			print "not expected: " $0
			bad = 1
		}
	}
	END {
		for (line in want) {
			n = split(want[line], text, "\n")
			for (i = 2; i <= n; i++)
				if (!index(found[line], text[i])) {
					print "line " line ": no finding with: " \
					    text[i]
					print found[line]
					bad = 1
				}
		}
		exit bad
	}' "$1" out
}

n=0
for file in ??.lua; do
	expected=1
	grep -q -e '-->' "$file" || expected=0
	status $expected "$usher" check "$file"
	compare "$file" || fail "$(cat "$file.name")"
	n=$((n + 1))
done
echo "$n policies"
test "$n" -ge 40 || fail "policies are missing from mistakes.txt"

for file in "$USHER_SRC"/examples/*.lua; do
	case $file in
	*_test.lua) continue ;;
	esac
	status 0 "$usher" check "$file"
	grep -q ': no findings$' out || fail "$file: no summary"
	grep -q 'decrypt .*at most [0-9]* of 200000 instructions (TLS 1' out ||
		fail "$file: no cost"
done

status 1 "$usher" check --json 01.lua
cat >expected <<'END'
{"file":"01.lua","line":3,"todo":"did you mean 'server_name'?","what":"conn has no fact 'servername'"}
END
head -n 1 out | diff - expected || fail "the JSON of a finding"
tail -n 1 out | grep -q '^{"file":"01.lua","findings":1,"generate":{"bytes":0,' ||
	fail "the JSON of a file"

status 2 "$usher" check
status 2 "$usher" check --jsno 01.lua
grep -q 'did you mean --json' err || fail "no advice about an option"
status 2 "$usher" check 01.lua /does/not/exist.lua
grep -q '^usher: check: /does/not/exist.lua: the script can.t be opened' err ||
	fail "no message about a file"
grep -q '^01.lua:3: ' out || fail "the other file was not checked"

cat >costly.lua <<'END'
local t = {}
for i = 1, 30000 do t[i] = i end
return {
  decrypt = function(conn, ticket)
    for i = 1, 2000 do t[i] = i end
    return "default"
  end,
}
END
status 0 "$usher" check costly.lua
status 1 "$usher" check --instruction-limit 1000 costly.lua
grep -q '^costly.lua:2: instruction limit reached' out || fail "load limit"
status 1 "$usher" check --instruction-limit 5000 costly.lua
grep -q '^costly.lua:5: instruction limit reached' out || fail "call limit"
status 1 "$usher" check --memory-limit 300K costly.lua
grep -q '^costly.lua:2: memory limit reached' out || fail "memory limit"

cat >big.lua <<'END'
return {
  generate = function(conn, ticket)
    return { x = ("x"):rep(1500) }
  end,
}
END
status 1 "$usher" check big.lua
grep -q '^big.lua:3: .* app-data limit of 1200 bytes' out || fail "app data"
status 0 "$usher" check --app-data-limit 4K big.lua
grep -q '^big.lua:3: warning: 15.* bytes in the ticket are more than' out ||
	fail "no warning of a ticket's size"
grep -q '^big.lua: no findings, 1 warning$' out || fail "a warning is counted"
status 0 "$usher" check --app-data-limit 4K --json big.lua
grep -q '^{"file":"big.lua","level":"warning","line":3,' out ||
	fail "the JSON of a warning"

cat >late.lua <<'END'
return {
  decrypt = function(conn, ticket)
    if conn.local_port == 9 then
      return "default", conn.vars.x .. "!"
    end
    return "default"
  end,
}
END
echo '{"conn": {"local_port": 9}}' >facts.json
status 0 "$usher" check late.lua
grep -q 'no sample reached line 4$' out || fail "no word of line 4"
status 1 "$usher" check --decrypt facts.json late.lua
grep -q "^late.lua:4: attempt to concatenate field 'x' (a nil value) (facts.json)" \
	out || fail "the sample of a file"
echo '{"conn": {"localport": 9}}' >facts.json
status 2 "$usher" check --decrypt facts.json late.lua
grep -q "facts.json: conn.localport: there is no such fact; did you mean 'local_port'?" \
	err || fail "wrong facts"
test "$(wc -l <err)" -eq 1 || fail "wrong facts in $(wc -l <err) lines"

cat >lists.lua <<'END'
local M = {}
function M.odd(conn)
  return conn.server_name:sub(1, 1) == "x"
end
function M.never() return string.trim("x") end
return M
END
cat >main.lua <<'END'
local lists = require "lists"
return {
  decrypt = function(conn, ticket)
    return lists.odd(conn) and "ignore_renew" or "default"
  end,
}
END
status 1 "$usher" check main.lua
grep -q "^lists.lua:3: attempt to index field 'server_name' (a nil value)" \
	out || fail "an error in a module"
grep -q '^lists.lua:5: string.trim does not exist' out ||
	fail "a mistake in a module"
grep -q '^main.lua: 2 findings$' out || fail "findings in modules"
cat >data.lua <<'END'
local data = require "usher.data"
local nets, map = data.networks("nets.txt"), data.map("map.txt")
return {
  decrypt = function(conn, ticket)
    return nets:contains(conn.peer_adress) and map:get("a") or "default"
  end,
}
END
{
	printf '10.0.0.1/8\n192.0.2.0/24\n'
	for i in 1 2 3 4 5 6 7 8 9 10 11; do echo "x$i"; done
} >nets.txt
printf 'a default\nb\na ignore\n' >map.txt
status 1 "$usher" check data.lua
grep -v '^data.lua: \|^  ' out >page
cat >expected <<'END'
data.lua:5: conn has no fact 'peer_adress'; did you mean 'peer_address'?
map.txt:2: there is a key without a value; write both, with a blank between them
map.txt:3: the key 'a' stands in line 1 already; remove one of the two
nets.txt:1: '10.0.0.1/8' has bits set beyond its prefix; write 10.0.0.0/8, or the single address without a prefix
END
sed '/^nets.txt:[^1]/d; /^nets.txt:1[^:]/d; /^nets.txt: /d' page |
	diff - expected || fail "the wrong lines of data files"
test "$(grep -c "^nets.txt:[0-9]*: 'x[0-9]' is no network" page)" -eq 9 ||
	fail "ten wrong lines"
tail -n 1 page | grep -q '^nets.txt: and 2 more wrong lines; correct' ||
	fail "the number of the others"
grep -q '^data.lua: 14 findings$' out || fail "how many there are"
status 1 "$usher" check --json data.lua
grep -q '{"file":"map.txt","line":2,"todo":"write both,' out ||
	fail "a wrong line in JSON"
rm map.txt
status 2 "$usher" check data.lua
grep -q 'data.lua:2: map.txt: there is no such file' err ||
	fail "no word of the file that is missing"

# Lists of what is revoked: every line that would never match.
cat >revoke.lua <<'END'
return require "usher.revoke" { serials = "index.txt", sha256 = "prints.txt" }
END
printf 'R\t261130120000Z\t251130120000Z\t00B01D\tunknown\t/CN=mallory\n' \
	>index.txt
printf 'V\t261130120000Z\t\t04D2\tunknown\t/CN=alice\nCN=mallory\n' \
	>>index.txt
printf '0xB01D  # mallory\nSHA1 Fingerprint=B0:1D\n' >prints.txt
status 1 "$usher" check revoke.lua
grep -v '^revoke.lua: \|^  ' out >page
cat >expected <<'END'
index.txt:3: 'CN=mallory' is no serial number; write hex digits, as openssl x509 -serial prints them
prints.txt:1: '0xB01D' is no SHA-256 fingerprint; write 64 hex digits, as openssl x509 -fingerprint -sha256 prints them
prints.txt:2: 'SHA1 Fingerprint=B0:1D' is no SHA-256 fingerprint; write 64 hex digits, as openssl x509 -fingerprint -sha256 prints them
END
diff page expected || fail "the lines of lists that never match"
cat >revoke.lua <<'END'
local usher = require "usher"
local policy = usher.revoke {
  serials = { file = "index.txt", at_least = 9 },
}
return policy
END
sed -i 3d index.txt
status 1 "$usher" check revoke.lua
grep -q '^revoke.lua:2: usher.revoke: .*index.txt: has 1 entries, and' out ||
	fail "too few entries"

echo 'return }' >lists.lua
status 1 "$usher" check main.lua
grep -q '^lists.lua:1: unexpected symbol' out || fail "syntax of a module"

exit $failed
