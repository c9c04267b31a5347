#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Prints the Lua files that are named, below the folder $1, as a table in C.

folder=$1
shift
echo '/* Made by embed.sh. */'
echo '#include "cli/script.h"'
echo
echo 'const struct ush_script ush_scripts[] = {'
for file; do
	name=${file##*/}
	echo "{\"${name%.lua}\","
	sed 's/\\/\\\\/g; s/"/\\"/g; s/?/\\?/g; s/^/"/; s/$/\\n"/' \
		"$folder/$file"
	echo '},'
done
echo '{0, 0},'
echo '};'
