#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Clients that are not ours visit usher serve and examples/embed, three times
# each: shop.example, shop.example again, and admin.example, with a ticket of
# shop.example's wherever the client can be told to. Each says itself whether it
# resumed; of browsers and curl, the server does.
#
#	USHER_SRC=. USHER_BUILD=build sh tests/clients/run.sh
#
# Prints a table. A client that is not installed is left out, by name. The
# status is 1 if one saw something else than it should.

usher=$USHER_BUILD/usher
embed=$USHER_BUILD/examples/embed/embed
here=$USHER_SRC/tests/clients
policy=$USHER_SRC/examples/demo.lua
failed=0
server=
work=$(mktemp -d) || exit 1
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
cd "$work" || exit 1

have()
{
	command -v "$1" >/dev/null 2>&1
}

# A CA, because browsers take no certificate that is one for a server's.
make_certificates()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=ca -keyout ca.key -out ca.pem
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=shop.example -keyout key.pem -out leaf.csr
	echo "subjectAltName=DNS:shop.example,DNS:admin.example,IP:127.0.0.1" \
		>leaf.ext
	openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key \
		-CAcreateserial -days 30 -extfile leaf.ext -out cert.pem
}

start_serve()
{
	: >out
	"$usher" serve --listen 127.0.0.1:0 --cert cert.pem --key key.pem \
		"$policy" >out 2>log &
	server=$!
	until port=$(sed -n 's|^Listening on .*:\([0-9]*\)/$|\1|p' out) &&
		test -n "$port"; do
		kill -0 "$server" || exit 1
		sleep 0.1
	done
}

start_embed()
{
	port=$((20000 + $$ % 20000))
	"$embed" "$policy" cert.pem key.pem "$port" 2>log &
	server=$!
	until openssl s_client -connect "127.0.0.1:$port" </dev/null \
		>/dev/null 2>&1; do
		kill -0 "$server" || exit 1
		sleep 0.1
	done
}

stop()
{
	kill "$server"
	wait "$server" 2>/dev/null
	server=
}

# row CLIENT VERSION EXPECTED SAW: the three words of each.
row()
{
	note=
	if test "$3" != "$4"; then
		note="  UNEXPECTED: not $3"
		failed=1
	fi
	# shellcheck disable=SC2086  # three words
	printf '%-8s %-10s %-4s %-9s %-9s %-9s%s\n' "$what" "$1" "$2" $4 "$note"
}

# program CLIENT VERSION EXPECTED COMMAND...: one that prints three lines.
program()
{
	client=$1
	version=$2
	expected=$3
	shift 3
	row "$client" "$version" "$expected" \
		"$(timeout 60 "$@" "$port" "$version" 2>/dev/null | xargs)"
}

s_client()
{
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client \
		-connect "127.0.0.1:$port" -ign_eof "-tls${1%.*}_${1#*.}" \
		-servername "$2.example" "$3" ticket 2>/dev/null |
		sed -n 's/^Reused, .*/resumed/p; s/^New, .*/full/p' | head -n 1
}

openssl_row()
{
	rm -f ticket
	first=$(s_client "$1" shop -sess_out)
	again=$(s_client "$1" shop -sess_in)
	row openssl "$1" "full resumed full" \
		"$first $again $(s_client "$1" admin -sess_in)"
}

# What the second visit was.
gnutls()
{
	timeout 20 gnutls-cli --insecure -r -p "$port" \
		--sni-hostname shop.example \
		--priority "NORMAL:-VERS-ALL:+VERS-TLS$1" 127.0.0.1 \
		</dev/null >page 2>&1
	if grep -q "This is a resumed session" page; then
		echo resumed
	else
		echo full
	fi
}

# The same.
nss()
{
	printf 'GET / HTTP/1.0\r\n\r\n' >request
	timeout 20 tstclnt -D -o -u -v -h 127.0.0.1 -p "$port" -L 2 \
		-V "tls$1:tls$1" -a shop.example -A request >page 2>&1
	case $(grep -c '^[1-9][0-9]* stateless resumes' page) in
	0) echo full ;;
	*) echo resumed ;;
	esac
}

clients()
{
	for version in 1.2 1.3; do
		openssl_row $version
		have gnutls-cli && row gnutls $version "full resumed -" \
			"full $(gnutls $version) -"
		have tstclnt && row nss $version "full resumed -" \
			"full $(nss $version) -"
		test -x go && program go $version "full resumed full" ./go
		have node && program node "$version" "full resumed full" \
			node "$here/client.js"
		# JSSE names the session's host again, so it may resume.
		test -f Client.class && program java "$version" \
			"full resumed resumed" java -cp . Client
	done
	test -x mbedtls && program mbedtls 1.2 "full resumed full" ./mbedtls
	# In TLS 1.2, wolfSSL 5.5 can't go on where any server declines its
	# ticket.
	test -x wolfssl && program wolfssl 1.2 "full resumed failed" ./wolfssl
	test -x wolfssl && program wolfssl 1.3 "full resumed full" ./wolfssl
}

# In TLS 1.2, curl offers no tickets. It keeps those of other hosts apart.
curl_row()
{
	for host in shop shop admin; do
		echo "url = https://$host.example/"
	done >urls
	row curl "$1" "$2" "$(timeout 20 curl -sk --tls-max "$1" \
		--connect-to "::127.0.0.1:$port" -K urls |
		sed -n 's/^  resumed  *yes/resumed/p; s/^  resumed  *no/full/p' |
		xargs)"
}

# A page that loads the server's twice, one after the other.
write_page()
{
	cat >index.html <<END
<script>
function load(n) {
  const frame = document.createElement("iframe");
  frame.src = "https://127.0.0.1:$port/" + n;
  document.documentElement.appendChild(frame);
}
load(1);
setTimeout(() => load(2), 3000);
</script>
END
}

# browser NAME COMMAND...: of the server's log, what became of its tickets.
browser()
{
	name=$1
	shift
	: >log
	write_page
	timeout 60 "$@" "file://$work/index.html" >/dev/null 2>&1 &
	browser=$!
	saw=full
	while kill -0 "$browser" 2>/dev/null && test $saw = full; do
		sleep 0.2
		grep -q "decrypt: success.* -> use" log && saw=resumed
	done
	kill "$browser" 2>/dev/null
	wait "$browser" 2>/dev/null
	row "$name" 1.3 "full resumed -" "full $saw -"
}

firefox()
{
	mkdir profile
	certutil -N -d sql:profile --empty-password
	certutil -A -d sql:profile -n ca -t CT,, -i ca.pem
	echo 'user_pref("datareporting.policy.dataSubmissionEnabled", false);' \
		>profile/user.js
	HOME=$work browser firefox firefox-esr --headless --no-remote \
		--profile "$work/profile"
}

skip()
{
	echo "skipped: $1 is not there"
}

compile()
{
	if have go; then
		HOME=$work go build -o go "$here/client.go" || failed=1
	else
		skip go
	fi
	if have javac; then
		javac -d . "$here/Client.java" || failed=1
	else
		skip java
	fi
	${CC:-cc} -o mbedtls "$here/mbedtls.c" -lmbedtls -lmbedx509 \
		-lmbedcrypto 2>errors || skip mbedtls
	${CC:-cc} -o wolfssl "$here/wolfssl.c" -lwolfssl 2>errors ||
		skip wolfssl
	for client in node gnutls-cli tstclnt curl chromium firefox-esr; do
		have $client || skip $client
	done
}

if ! have openssl; then
	echo "no openssl command"
	exit 77
fi
make_certificates 2>/dev/null
compile
printf '%-8s %-10s %-4s %-9s %-9s %-9s\n' server client TLS first again other
what=serve
start_serve
clients
have curl && curl_row 1.2 "full full full"
have curl && curl_row 1.3 "full resumed full"
have chromium && HOME=$work browser chromium chromium --headless=new \
	--no-sandbox --disable-gpu --ignore-certificate-errors \
	--user-data-dir="$work/chromium"
have firefox-esr && have certutil && firefox
stop
what=embed
start_embed
clients
stop
exit $failed
