#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usher serve, driven by clients that are not ours. In TLS 1.2 and 1.3:
#
#  1. a ticket of openssl s_client resumes, at its own host and no other
#  2. the page says what the ticket carried
#  3. curl and gnutls-cli resume (where they are installed)
#  4. the server speaks only the version that it was told to
#  5. SIGINT and SIGTERM end it with status 0, with connections open too
#  6. a variable reaches the policy
#  7. a script error makes full handshakes and is logged; so does a limit
#  8. the log has one line for each decision, as text or as JSON
#  9. the tour ends with 0, or with 1 where the policy decides otherwise
# 10. wrong command lines, files and policies: status and message
# 11. SIGHUP reloads the policy, and so does --watch when it is edited; what
#     can't be loaded is logged, and the old one goes on
# 12. --shadow logs what another policy would have said, --canary lets it decide
# 13. /metrics tells what was decided, and why
# 14. without a policy the standard one decides
# 15. a store with a name goes on in the next server, in its size
# 16. what a client names does not look like more than a name, in log and page
#
# A summary in the form of Check's ends it.

usher=$USHER_BUILD/usher
examples=$USHER_SRC/examples
cases=0
failures=0
server=
store=check-serve.$$

if ! command -v openssl >/dev/null 2>&1; then
	echo "no openssl command"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'test -z "$server" || kill "$server"; rm -rf "$work"
	rm -f "/dev/shm/usher.$store"' EXIT
cd "$work" || exit 1

# check WHAT COMMAND...: one case.
check()
{
	what=$1
	shift
	cases=$((cases + 1))
	if ! "$@"; then
		failures=$((failures + 1))
		echo "FAILED: $what"
	fi
}

# has FILE TEXT, lacks FILE TEXT
has()
{
	grep -qF -e "$2" "$1" && return 0
	echo "no \"$2\" in:"
	cat "$1"
	return 1
}

lacks()
{
	! grep -F -e "$2" "$1"
}

# start ARGUMENT...: a server on a free port.
start()
{
	: >out
	"$usher" serve --listen 127.0.0.1:0 "$@" >out 2>log &
	server=$!
	tries=0
	until port=$(sed -n 's|^Listening on .*:\([0-9]*\)/$|\1|p' out) &&
		test -n "$port"; do
		tries=$((tries + 1))
		if test $tries -gt 200 || ! kill -0 "$server"; then
			echo "serve $* did not start:"
			cat log
			exit 1
		fi
		sleep 0.1
	done
}

# stop SIGNAL: the server ends with status 0, and nothing is left to free.
stop()
{
	kill "-$1" "$server"
	wait "$server"
	status=$?
	server=
	test $status -eq 0 && return 0
	echo "status $status after SIG$1:"
	cat log
	return 1
}

# visit ARGUMENT...: openssl's client; the answer is in "page".
visit()
{
	printf 'GET %s HTTP/1.0\r\n\r\n' "${uri:-/}" |
		timeout 20 openssl s_client -connect "127.0.0.1:$port" \
			-ign_eof -quiet "$@" >page 2>client
}

openssl_resumes()
{
	rm -f ticket
	visit "$1" -servername shop.example -sess_out ticket
	check "$1: a first visit" has page "resumed      no"
	visit "$1" -servername shop.example -sess_in ticket
	check "$1: resumes" has page "resumed      yes"
	check "$1: what was carried" has page 'sni = "shop.example"'
	check "$1: whose it is" has page "policy       demo"
	visit "$1" -servername admin.example -sess_in ticket
	check "$1: not elsewhere" has page "resumed      no"
	check "$1: and why" has page "because      other virtual host"
	uri=/metrics
	visit "$1"
	uri=
	check "$1: metrics" has page 'Content-Type: text/plain; version=0.0.4'
	check "$1: the reason" has page \
		'usher_reasons_total{reason="other virtual host"} '
	check "$1: the policy" has page 'policy="demo"'
}

# In TLS 1.2, curl offers no tickets.
curl_visits()
{
	timeout 20 curl -sk "$1" "$2" -H 'Connection: close' \
		--connect-to "::127.0.0.1:$port" https://shop.example/ \
		https://shop.example/ >page
	check "curl $2: resumes" has page "$3"
	check "curl $2: ALPN" has page "ALPN         http/1.1"
}

gnutls_resumes()
{
	timeout 20 gnutls-cli --insecure -r -p "$port" --priority \
		"NORMAL:-VERS-ALL:+VERS-TLS$1" 127.0.0.1 \
		>page 2>&1 </dev/null
	check "gnutls $1: resumes" has page "This is a resumed session"
}

clients()
{
	start "$examples/demo.lua"
	openssl_resumes -tls1_2
	openssl_resumes -tls1_3
	if command -v curl >/dev/null 2>&1; then
		curl_visits --tls-max 1.2 "resumed      no"
		curl_visits --tls-max 1.3 "resumed      yes"
	fi
	if command -v gnutls-cli >/dev/null 2>&1; then
		gnutls_resumes 1.2
		gnutls_resumes 1.3
	fi
	check "SIGINT" stop INT
	check "a decision in the log" has log \
		"decrypt: success -> ignore_renew (other virtual host)"
}

versions()
{
	start --tls1.2 --threads 1 "$examples/vhost.lua"
	visit
	check "--tls1.2" has page "TLSv1.2"
	visit -tls1_3
	check "--tls1.2, asked for 1.3" lacks page "resumed"
	check "SIGTERM" stop TERM
	start --tls1.3 --json --cert pair.pem "$examples/vhost.lua"
	visit
	check "--tls1.3" has page "TLSv1.3"
	check "--cert" has client pair.example
	visit -tls1_2
	check "--tls1.3, asked for 1.2" lacks page "resumed"
	check "SIGTERM again" stop TERM
	check "--json" has log '"call":"generate"'
}

# A connection that is in its handshake, and one that has said nothing.
open_connections()
{
	start "$examples/vhost.lua"
	(sleep 60 | openssl s_client -connect "127.0.0.1:$port" -quiet) \
		>page 2>&1 &
	open=$!
	sleep 0.5
	check "SIGTERM with a connection open" stop TERM
	kill "$open" 2>/dev/null
}

variables()
{
	start --var max_auth_age=-1 "$examples/max_age.lua"
	rm -f ticket
	visit -sess_out ticket
	visit -sess_in ticket
	check "--var" has page "because      signed in too long ago"
	check "stop" stop TERM
}

errors()
{
	echo 'return { decrypt = function() error("oh no") end }' >raise.lua
	start "$work/raise.lua"
	rm -f ticket
	visit -sess_out ticket
	visit -sess_in ticket
	check "on_error" has page "resumed      no"
	check "stop" stop TERM
	check "the error in the log" has log "raise.lua:1: oh no"

	echo 'return { decrypt = function() while true do end end }' >loop.lua
	start --instruction-limit 5000 --on-error open "$work/loop.lua"
	rm -f ticket
	visit -sess_out ticket
	visit -sess_in ticket
	check "--on-error open" has page "resumed      yes"
	check "stop" stop TERM
	check "the limit in the log" has log "loop.lua"
}

standard()
{
	start
	rm -f ticket
	visit "$1" -servername shop.example -sess_out ticket
	check "standard $1: a first visit" has page "resumed      no"
	visit "$1" -servername shop.example -sess_in ticket
	check "standard $1: resumes" has page "resumed      yes"
	check "standard $1: its name" has page "policy       usher.standard"
	visit "$1" -servername admin.example -sess_in ticket
	check "standard $1: elsewhere" has page "because      other virtual host"
	stop TERM
}

tour()
{
	"$usher" serve --tour --no-wait --listen 127.0.0.1:0 "$@" >out 2>log
}

tours()
{
	check "the tour" tour "$examples/demo.lua"
	check "its rows" has out "ignore_renew: signed in too long ago"
	check "its replacement" has out "ignore_renew: another script"
	check "no row is amiss" lacks out UNEXPECTED
	check "the tour in 1.2 only" tour --tls1.2 "$examples/demo.lua"
	check "has no 1.3 in it" lacks out "1.3"
	tour --tls1.3 "$examples/vhost.lua"
	check "a tour with another policy" test $? -eq 1
	check "shows the row" has out UNEXPECTED
}

# A policy whose reason is this word.
say()
{
	cat >new.lua <<END
return {
  generate = function() return {} end,
  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    return "ignore_renew", "$1"
  end,
}
END
	mv new.lua say.lua
}

# logged TEXT: the log has it, soon.
logged()
{
	tries=0
	until grep -qF -e "$1" log; do
		tries=$((tries + 1))
		if test $tries -gt 200; then
			has log "$1"
			return
		fi
		sleep 0.1
	done
}

# says WORD: what becomes of a ticket
says()
{
	visit "$version" -servername shop.example -sess_out ticket
	visit "$version" -servername shop.example -sess_in ticket
	has page "because      $1"
}

reloads()
{
	version=$1
	say one
	start say.lua
	check "$1: the policy" says one
	say two
	kill -HUP "$server"
	check "$1: SIGHUP" logged "takes the place of"
	check "$1: the next policy" says two
	echo 'return {' >say.lua
	kill -HUP "$server"
	check "$1: a broken one" logged "refused: say.lua:"
	check "$1: and the old one goes on" says two
	stop TERM
	say one
	start --watch say.lua
	check "$1: watched" says one
	say two
	check "$1: edited" logged "takes the place of"
	check "$1: and seen" says two
	stop TERM
	revision=$(sed -n 's/.*two) by \([0-9a-f]*\)$/\1/p' log)
	check "$1: the revision in the log" test ${#revision} -eq 16
}

shadows()
{
	version=$1
	say one
	start --shadow say.lua "$examples/vhost.lua"
	visit "$1" -servername shop.example -sess_out ticket
	visit "$1" -servername shop.example -sess_in ticket
	check "$1: beside a shadow" has page "resumed      yes"
	check "$1: the shadow's word" logged "; shadow: ignore_renew (one)"
	say two
	kill -HUP "$server"
	check "$1: the shadow is reloaded" logged "runs beside"
	stop TERM
	start --shadow say.lua --canary 1000 "$examples/vhost.lua"
	check "$1: a canary" says two
	check "$1: in the log" logged "(two) by canary "
	stop TERM
}

stores()
{
	cat >count.lua <<'END'
local store = require "usher.store"
return {
  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    return "ignore_renew", "number " .. store.incr("n")
  end,
}
END
	version=-tls1_3
	start --store "$store" --store-size 128K count.lua
	check "a store" says "number 1"
	stop TERM
	start --store "$store" count.lua
	check "the store of the server before" says "number 2"
	uri=/metrics
	visit "$version"
	uri=
	check "the size of before" has page "usher_store_size_bytes 1"
	stop TERM
	refused 1 "has 131072 bytes, not 1048576" serve --store "$store" \
		--store-size 1M count.lua
	start count.lua
	check "a store without a name" says "number 1"
	stop TERM
}

forged_names()
{
	cat >echo.lua <<'END'
return {
  generate = function() return {} end,
  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    return "ignore_renew", "not for " .. (conn.alpn_offered[1] or "-")
  end,
}
END
	turned=$(printf 'moc.\342\200\256evil')
	for arguments in "" --json; do
		# shellcheck disable=SC2086  # nothing if empty
		start $arguments echo.lua
		for name in "a decrypt: x -> use (b)" 'q"\b' "$turned" -; do
			rm -f ticket
			visit "$1" -servername "$name" -sess_out ticket
			visit "$1" -servername "$name" -sess_in ticket
			cat page >>pages
		done
		rm -f ticket
		visit "$1" -sess_out ticket
		visit "$1" -sess_in ticket -alpn "a decrypt: x -> use (b)"
		stop TERM
		cp log "log${arguments:---text}"
	done
	check "$1: blanks" has log--text ' a\x20decrypt:\x20x\x20->\x20use\x20(b) dec'
	check "$1: quotes" has log--text ' q\x22\x5cb decrypt: '
	check "$1: right to left" has log--text ' moc.\xe2\x80\xaeevil decrypt: '
	check "$1: nothing" has log--text ' \x2d decrypt: '
	check "$1: a reason" has log--text ' ("not for a decrypt: x -> use (b)") by '
	check "$1: in the page" has pages '  server name  a\x20decrypt:\x20x'
	check "$1: in JSON" has log--json '"server_name":"moc.\u202eevil"'
	check "$1: blanks in JSON" has log--json \
		'"server_name":"a decrypt: x -> use (b)"'
	check "$1: nowhere as it is" lacks log--text "$turned"
	check "$1: nor in JSON" lacks log--json "$turned"
	check "$1: nor in the page" lacks pages "$turned"
}

# refused STATUS MESSAGE ARGUMENT...
refused()
{
	expected=$1
	message=$2
	shift 2
	timeout 20 "$usher" "$@" >out 2>log
	status=$?
	check "status $expected of: $*" test $status -eq "$expected"
	check "message of: $*" has log "$message"
}

command_lines()
{
	policy=$examples/vhost.lua
	refused 2 'did you mean "serve"?' serv
	refused 2 "did you mean --listen?" serve --listn x "$policy"
	refused 2 "--listen: takes a value" serve "$policy" --listen
	refused 2 "takes ADDRESS" serve --listen 127.0.0.1:99999 "$policy"
	refused 2 "takes no value" serve --json=1 "$policy"
	refused 2 "from 1 to 64" serve --threads 0 "$policy"
	refused 2 "from 1 to 1000000" serve --connections 0 "$policy"
	refused 2 "from 1 to 3600" serve --deadline 0 "$policy"
	refused 2 "takes bytes" serve --memory-limit lots "$policy"
	refused 2 "63000" serve --app-data-limit 64000 "$policy"
	refused 2 "1 to 64 letters" serve --store a/b "$policy"
	refused 2 "64K at least" serve --store-size 1K "$policy"
	refused 2 "takes bytes" serve --store-size 1G "$policy"
	refused 2 "full_handshake, abort or open" serve --on-error x "$policy"
	refused 2 "excludes" serve --tls1.2 --tls1.3 "$policy"
	refused 2 "one policy" serve "$policy" "$policy"
	refused 2 "with --cert" serve --key pair.pem "$policy"
	refused 2 "goes with --tour" serve --no-wait "$policy"
	refused 2 "NAME=VALUE" serve --var x "$policy"
	refused 2 "0 to 1000" serve --canary 1001 "$policy"
	refused 2 "goes with --shadow" serve --canary 5 "$policy"
	refused 2 "path of a Lua script" serve --shadow "" "$policy"
	refused 2 "name the policy" serve --watch
	"$usher" --help >out
	check "usher --help" has out "serve"
	"$usher" serve --help >out
	check "usher serve --help" has out "--listen"
	"$usher" version >out
	check "usher version" has out "usher "
}

files()
{
	printf 'return {\n  decript = 1\n}\n' >typo.lua
	printf 'return {\n  decrypt = function( end\n}\n' >syntax.lua
	refused 1 "No such file" serve missing.lua
	refused 1 "directory" serve "$work"
	refused 1 "did you mean 'decrypt'?" serve typo.lua
	refused 1 "syntax.lua:2:" serve syntax.lua
	refused 1 "No such file" serve --cert missing.pem "$policy"
	refused 1 "--shadow: missing.lua: " serve --shadow missing.lua "$policy"
	refused 1 "PEM" serve --cert typo.lua "$policy"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj /CN=pair.example -keyout key.pem -out cert.pem 2>/dev/null
cat cert.pem key.pem >pair.pem

clients
versions
open_connections
variables
errors
tours
standard -tls1_2
standard -tls1_3
reloads -tls1_2
reloads -tls1_3
shadows -tls1_2
shadows -tls1_3
stores
forged_names -tls1_2
forged_names -tls1_3
command_lines
files

echo "$((100 * (cases - failures) / cases))%: Checks: $cases," \
	"Failures: $failures, Errors: 0"
test $failures -eq 0
