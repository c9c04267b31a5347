#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/embed serves openssl's client under examples/vhost.lua: resumed at
# its own host, not at another.

embed=$USHER_BUILD/examples/embed/embed
server=

if ! command -v openssl >/dev/null 2>&1; then
	echo "no openssl command"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
cd "$work" || exit 1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-subj /CN=localhost -keyout key.pem -out cert.pem 2>/dev/null

visit()
{
	printf 'GET / HTTP/1.0\r\n\r\n' |
		timeout 20 openssl s_client -connect "127.0.0.1:$port" -quiet \
			"$@" 2>client
}

# A port may be taken: then the next one.
port=$((20000 + $$ % 20000))
for try in 1 2 3 4 5 6 7 8 9; do
	port=$((port + try))
	"$embed" "$USHER_SRC/examples/vhost.lua" cert.pem key.pem $port \
		2>log &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.2
		visit -servername one.example -sess_out ticket >page &&
			test -s page && break 2
		kill -0 $server 2>/dev/null || break
	done
done

failed=0
# expect WHAT IT SAYS
expect()
{
	if ! grep -qF -e "$1" page; then
		echo "no \"$1\" in: $(cat page) (log: $(cat log))"
		failed=1
	fi
}
expect "full handshake"
# What a client has sent, and nobody reads, must not cost it the answer.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	visit -servername one.example -sess_in ticket >page
	expect "resumed; the policy said use"
done
visit -servername two.example -sess_in ticket >page
expect "full handshake; the policy said ignore_renew (other virtual host)"
exit $failed
