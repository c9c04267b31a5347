#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In src/, no file is longer than 500 lines and no function than 80.

cd "$USHER_SRC" || exit 1

find src -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function complain(line, what)
{
	print FILENAME ":" line ": " what
	bad = 1
}

FNR == 1 { start = 0 }
FNR == 501 { complain(FNR, "more than 500 lines") }
/^{/ { start = FNR }
/^}/ {
	if (start > 0 && FNR - start + 1 > 80)
		complain(start, "a function of " FNR - start + 1 " lines")
	start = 0
}

END { exit bad }'
