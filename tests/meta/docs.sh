#!/bin/sh
# SPDX-License-Identifier: MIT
#
# README.md and the manual pages say what the code says:
#
#  1. usher.7 has the facts of src/facts/facts.def, and what src/sandbox/
#     surface.c lists as there and as absent
#  2. usher.3 has each function, error code and statistic of usher.h
#  3. usher.1 has the options and commands that the help prints
#  4. the policies in README.md and the pages load, and usher check has nothing
#     to say of them, the C programs compile, link and run, the visits in README.md get what it says they get, and so
#     do its check, its test, and its edit of a watched file
#  5. usher-policies.7 has the options of the modules in lua/usher/
#  6. the pages are sound (mandoc, or else groff)
#
# A table that differs is shown as a diff: "<" is the code, ">" the page.

man=$USHER_SRC/src/man
failed=0
server=

work=$(mktemp -d) || exit 1
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
cd "$work" || exit 1

fail()
{
	echo "FAILED: $*"
	failed=1
}

# same WHAT: "code" and "page" have the same lines, and some.
same()
{
	if ! test -s code; then
		fail "$1: found nothing in the code; is this test still right?"
	elif ! diff code page; then
		fail "$1"
	fi
}

# A program of C from standard input, compiled and run.
run_c()
{
	cat >print.c
	# shellcheck disable=SC2086  # options of several words
	$CC $USHER_CPPFLAGS -o print print.c && ./print
}

# table FILE NAME: the rows of one tbl table, behind the comment that names
# it, a line each, without the heading.
table()
{
	awk -v name="$2" '
		$0 == ".\\\" table: " name { on = 1; next }
		on && /^\.TE/ { exit }
		on && /\.$/ && !body { body = 1; next }
		!body { next }
		/^_$/ { heading = 1; next }
		!heading { next }
		/T{$/ { row = substr($0, 1, length($0) - 2); next }
		/^\./ { next }
		/^T}/ { print row text; text = ""; next }
		{ text = text (text == "" ? "" : " ") $0 }' "$1"
}

facts()
{
	run_c >raw <<'END'
#include <stdio.h>
#define FACT(object, name, type, decrypt, generate, doc) \
	puts(#object "\t" #name "\t" #type "\t" #decrypt "\t" #generate "\t" doc);
int main(void) {
#include "facts/facts.def"
	return 0;
}
END
	awk -F '\t' -v OFS='\t' '{
		$1 = tolower($1)
		$3 = tolower($3)
		for (i = 4; i <= 5; i++)
			$i = $i == "NO" ? "-" : tolower($i)
		print
	}' raw >code
	for object in conn ticket issue; do
		table "$man/usher.7" "$object" | sed "s/^/$object	/"
	done >page
	same "the facts in usher.7"
}

# The entries of surface.c, as "present" or "absent" lines.
entries()
{
	surface=$USHER_SRC/src/sandbox/surface.c
	{
		echo '#include <stdio.h>'
		sed -n '/^enum source {/,/^};/p' "$surface"
		sed -n '/^static const struct entry {/,/^};/p' "$surface"
		cat <<'END'
int main(void) {
	for (unsigned i = 0; i < sizeof entries / sizeof *entries; i++)
		printf("%s\t%s%s%s\t%s\n",
		    entries[i].source == ABSENT ? "absent" : "present",
		    entries[i].library ? entries[i].library : "",
		    entries[i].library ? "." : "", entries[i].name,
		    entries[i].why ? entries[i].why : "");
	return 0;
}
END
	} | run_c >entries
}

sandbox()
{
	entries
	sed -n 's/^absent	//p' entries | LC_ALL=C sort >code
	table "$man/usher.7" absent | LC_ALL=C sort >page
	same "what is absent, in usher.7"
	sed -n 's/^present	\([^	]*\)	.*/\1/p' entries |
		LC_ALL=C sort >code
	table "$man/usher.7" present | awk -F '\t' '{
		n = split($2, name, " ")
		for (i = 1; i <= n; i++)
			print ($1 == "globals" ? "" : $1 ".") name[i]
	}' | LC_ALL=C sort >page
	same "what is there, in usher.7"
}

api()
{
	header=$USHER_SRC/src/usher.h
	# shellcheck disable=SC2086  # both hold several words
	$CC $USHER_CPPFLAGS -E -P "$header" |
		grep -o 'usher_[a-z0-9_]*(' | tr -d '(' | LC_ALL=C sort -u >code
	sed -n 's/^\.Nm \(usher_[a-z0-9_]*\).*/\1/p' "$man/usher.3" |
		LC_ALL=C sort >page
	same "the names of usher.3"
	sed -n 's/^\.F[on] \(usher_[a-z0-9_]*\).*/\1/p; s/^\.Fn "\(usher_[a-z0-9_]*\)".*/\1/p' \
		"$man/usher.3" | LC_ALL=C sort -u >page
	same "the functions of usher.3"
	sed -n 's/^	\(USHER_ERROR_[A-Z_]*\).*/\1/p' "$header" |
		LC_ALL=C sort >code
	sed -n 's/^\.It Dv \(USHER_ERROR_[A-Z_]*\).*/\1/p' "$man/usher.3" |
		LC_ALL=C sort >page
	same "the error codes of usher.3"
	sed -n '/^struct usher_stats {/,/^};/s/^	uint64_t \([a-z_]*\);.*/\1/p' \
		"$header" >code
	sed -n 's/^\.It Fa \([a-z_]*\).*/\1/p' "$man/usher.3" >page
	same "the statistics of usher.3"
}

# The options of each module in lua/usher/, and in usher-policies.7.
policies()
{
	for file in "$USHER_SRC"/lua/usher/*.lua; do
		module=$(basename "$file" .lua)
		sed -n '/^local kinds = {/,/}/p' "$file" | tr ',{' '\n' |
			sed -n "s/^ *\([a-z0-9_]*\) = \"[a-z|]*\".*/$module \1/p"
	done | LC_ALL=C sort >code
	awk '/^\.\\" options: / { module = $3 }
		/^\.S[hs]/ { module = "" }
		/^\.It Fa/ && module != "" {
			for (i = 3; i <= NF; i++)
				if ($i != ",") print module, $i
		}' "$man/usher-policies.7" | LC_ALL=C sort >page
	same "the options in usher-policies.7"
}

command_line()
{
	for command in serve check test; do
		"$USHER_BUILD/usher" $command --help
	done |
		sed -n 's/^  --\([a-z0-9.-]*\) \([A-Z:=]*\) .*/\1 \2/p' |
		sed 's/ $//' >code
	sed -n 's/^\.It Fl -\([a-z0-9.-]*\) Ar /\1 /p; s/^\.It Fl -//p' \
		"$man/usher.1" >page
	same "the options of usher.1"
	"$USHER_BUILD/usher" --help |
		sed -n 's/^  \([a-z]*\)  .*/\1/p' >code
	sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$man/usher.1" >page
	same "the commands of usher.1"
}

# blocks LANGUAGE PREFIX: README.md's, one file each.
blocks()
{
	awk -v open="\`\`\`$1" -v prefix="$2" '
		/^```/ && on { on = 0; next }
		$0 == open { on = 1; out = prefix "." ++n; next }
		on { print >out }' "$USHER_SRC/README.md"
}

# displays PAGE FIRST-LINE PREFIX: a page's, one file each, that begin so.
displays()
{
	awk -v first="$2" -v prefix="$3" '
		/^\.Ed/ { on = 0 }
		wanted { wanted = 0; if (index($0, first) == 1) {
			on = 1; out = prefix "." ++n } }
		/^\.Bd -literal/ { wanted = 1; next }
		on { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print >out }' \
		"$man/$1"
}

# build FILE: the C program in it becomes FILE.run, against the build tree.
build()
{
	cp "$1" "$1.c"
	libs=$(pkg-config --libs openssl 2>/dev/null) || libs='-lssl -lcrypto'
	# shellcheck disable=SC2086  # options of several words
	$CC $USHER_CPPFLAGS $USHER_SANITIZERS -Wall -Wextra -Werror \
		-c -o "$1.o" "$1.c" &&
		"$USHER_BUILD/libtool" --silent --tag=CC --mode=link \
			$CC $USHER_SANITIZERS -o "$1.run" "$1.o" \
			"$USHER_BUILD/libusher.la" $libs
}

# A C program that reads policy.lua, started with each policy and with none.
programs()
{
	cp "$USHER_SRC"/examples/*.txt .
	blocks lua readme.lua
	blocks c readme.c
	displays usher.7 "return {" usher7.lua
	displays usher.7 "local" usher7.local.lua
	displays usher-policies.7 "return" policies.lua
	displays usher-policies.7 "local" policies.local.lua
	echo 'ff00 # a serial' >revoked.txt
	echo '192.0.2.0/24' >offices.txt
	echo '# nobody' >blocked.txt
	echo 'shop.example strict' >tiers.txt
	printf 'R\t261130120000Z\t251130120000Z\tFF00\tunknown\t/CN=m\n' \
		>index.txt
	displays usher.3 "#include" usher3.c
	for file in readme.lua.1 readme.c.1 usher7.lua.1 usher7.local.lua.1 \
		usher7.local.lua.2 policies.lua.1 policies.local.lua.1 \
		usher3.c.1; do
		test -s "$file" || fail "no such snippet: $file"
	done
	for policy in readme.lua.* usher7.lua.* usher7.local.lua.* \
		policies.lua.* policies.local.lua.*; do
		"$USHER_BUILD/usher" check "$policy" >out 2>&1 || {
			cat out "$policy"
			fail "what usher check says of $policy"
		}
	done
	for program in readme.c.* usher3.c.*; do
		case $program in
		*.c.*[!0-9]*) continue ;;
		esac
		build "$program" || {
			fail "$program does not compile"
			continue
		}
		for policy in readme.lua.* usher7.lua.* usher7.local.lua.* \
			policies.lua.* policies.local.lua.* \
			"$USHER_SRC"/examples/*.lua; do
			case $policy in
			*_test.lua) continue ;;
			esac
			cp "$policy" policy.lua
			"./$program.run" || fail "$program with $policy"
		done
		echo 'return 1' >policy.lua
		if "./$program.run" 2>/dev/null; then
			fail "$program does not see that a policy is wrong"
		fi
	done
}

# README's visits, to a server with README's policy.
visits()
{
	if ! command -v openssl >/dev/null 2>&1; then
		echo "no openssl command: the visits were not tried"
		return
	fi
	blocks sh readme.sh
	grep -l s_client readme.sh.* >names 2>/dev/null
	if ! test -s names; then
		fail "no visits in README.md"
		return
	fi
	"$USHER_BUILD/usher" serve --listen 127.0.0.1:0 readme.lua.1 \
		>out 2>log &
	server=$!
	for _ in $(seq 200); do
		port=$(sed -n 's|^Listening on .*:\([0-9]*\)/$|\1|p' out)
		test -z "$port" || break
		sleep 0.1
	done
	sed "s/8443/$port/" "$(cat names)" >visits.sh
	timeout 60 sh visits.sh >seen 2>&1
	grep -E '^  (resumed|because)  ' seen | sed 's/  *$//' >page
	cat >code <<'END'
  resumed      no
  resumed      yes
  because      -
  resumed      no
  because      other virtual host
END
	same "the visits in README.md" || cat seen
	kill "$server"
	wait "$server" || fail "the server of the visits"
	server=
}

# README's policy with the mistake that it tells of, and README's test.
check_and_test()
{
	blocks lua readme.lua
	blocks "lua test" readme_test
	sed 's/(ticket.auth_age or math.huge)/ticket.auth_age/' readme.lua.1 \
		>shop.lua
	"$USHER_BUILD/usher" check shop.lua | grep '^shop.lua:[0-9]' >code
	grep '^shop.lua:[0-9]' "$USHER_SRC/README.md" >page
	same "what usher check says in README.md"
	cp readme.lua.1 shop.lua
	"$USHER_BUILD/usher" check shop.lua || fail "README.md's policy"
	cp readme_test.1 shop_test.lua
	"$USHER_BUILD/usher" test shop_test.lua >out 2>&1
	grep -q 'needs luassert' out || grep -q '^1 passed, 0 failed' out || {
		cat out
		fail "the test in README.md"
	}
}

# README's edit of a watched file, by a server that watches it.
edits()
{
	edit=$(grep -l -e --watch readme.sh.*)
	if ! test -s "$edit"; then
		fail "no edit of a watched file in README.md"
		return
	fi
	sed -e "s|^cp |cp $USHER_SRC/|" -e '/^sed/d' \
		-e "s|build/usher serve|'$USHER_BUILD/usher' serve --listen 127.0.0.1:0|" \
		-e 's| &$| >out 2>log \&|' "$edit" >start.sh
	sed -n '/^sed/p' "$edit" >edit.sh
	: >out
	# shellcheck disable=SC1091  # made here
	. ./start.sh
	server=$!
	for _ in $(seq 200); do
		grep -q Listening out && break
		sleep 0.1
	done
	# shellcheck disable=SC1091
	. ./edit.sh
	for _ in $(seq 200); do
		grep -q "takes the place of" log && break
		sleep 0.1
	done
	grep -q "takes the place of" log || fail "the edit in README.md"
	kill "$server"
	wait "$server" || fail "the server of the edit"
	server=
}

lint()
{
	for page in "$man"/*.[137]; do
		if command -v mandoc >/dev/null 2>&1; then
			mandoc -Tlint -W warning "$page" >warnings 2>&1
		elif command -v groff >/dev/null 2>&1; then
			groff -ww -z -t -mandoc "$page" >warnings 2>&1
		else
			echo "neither mandoc nor groff: the pages' syntax was" \
				"not looked at"
			return
		fi
		if test -s warnings; then
			cat warnings
			fail "$page"
		fi
	done
}

facts
sandbox
api
policies
command_line
programs
visits
edits
check_and_test
lint
exit $failed
