#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Includes point upwards only: a folder of src/ uses what stands above it in
# the list below, and of the libraries only those that stand beside it.

cd "$USHER_SRC/src" || exit 1

# shellcheck disable=SC2016  # awk's own $
find . -name '*.[ch]' | LC_ALL=C sort | xargs awk '
BEGIN {
	# folder, rank, the libraries it may know
	layer("base", 1, "")
	layer("data", 2, "cbor")
	layer("sandbox", 3, "lua")
	layer("facts", 4, "lua")
	layer("lib", 5, "lua crypto")
	layer("policy", 6, "lua")
	layer("tls", 7, "crypto ssl")
	layer(".", 8, "lua cbor crypto ssl")
	layer("cli", 9, "lua cbor crypto ssl event jansson")
	layer("plugins", 9, "ssl crypto")
}

function layer(folder, n, libraries)
{
	rank[folder] = n
	may[folder] = " " libraries " "
}

# The library that a system header belongs to, or "".
function library(header)
{
	if (header ~ /^(lua|lauxlib|lualib|luajit)\.h$/)
		return "lua"
	if (header ~ /^cbor(\.h|\/)/)
		return "cbor"
	if (header ~ /^openssl\/(ssl|tls1|ssl3|dtls1)\.h$/)
		return "ssl"
	if (header ~ /^openssl\//)
		return "crypto"
	if (header ~ /^(event2\/|event\.h|evhttp\.h)/)
		return "event"
	if (header ~ /^jansson/)
		return "jansson"
	return ""
}

function complain(what)
{
	print FILENAME ":" FNR ": " what
	bad = 1
}

FNR == 1 {
	files++
	own = FILENAME
	sub(/^\.\//, "", own)
	if (!sub(/\/[^\/]*$/, "", own))
		own = "."
	if (!(own in rank))
		complain("folder " own " is in no layer")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	other = part[2]
	if (other ~ /\.\./) {
		complain("name headers from src/: " other)
		next
	}
	if (other == "usher.h" || other == "usher_inner.h")
		other = "."
	else if (!sub(/\/[^\/]*$/, "", other))
		other = own
	if (!(other in rank))
		complain("no such layer: " part[2])
	else if (rank[other] > rank[own] || \
	    (rank[other] == rank[own] && other != own))
		complain(own "/ may not use " part[2])
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, part, /[<>]/)
	needs = library(part[2])
	if (needs != "" && index(may[own], " " needs " ") == 0)
		complain(own "/ may not use <" part[2] ">")
}

END {
	print files " files"
	exit bad
}'
