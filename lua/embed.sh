#!/bin/sh
# SPDX-License-Identifier: MIT
#
# embed.sh FOLDER FILE...: the Lua files, named from that folder as in
# lua/usher/chain.lua, as a C source with one array of bytes for each.

set -eu

folder=$1
shift

echo '/* Made by lua/embed.sh. */'
echo '#include "lib/builtin.h"'
n=0
for file; do
	printf '\nstatic const unsigned char text_%s[] = {\n' "$n"
	od -An -v -tx1 "$folder/$file" |
		sed 's/[0-9a-f][0-9a-f]/0x&,/g'
	# A NUL, so that a file of no bytes is an array too.
	echo '0x00};'
	n=$((n + 1))
done
printf '\nconst struct ush_embedded ush_embedded[] = {\n'
n=0
for file; do
	name=$(echo "$file" | sed 's|^lua/||; s|\.lua$||; s|/|.|g')
	echo "    {\"$name\", text_$n, sizeof text_$n - 1},"
	n=$((n + 1))
done
echo '    {(void *)0, (void *)0, 0},'
echo '};'
