# SPDX-License-Identifier: MIT

dist_man_MANS =
dist_man_MANS += src/man/usher.1
dist_man_MANS += src/man/usher.3
dist_man_MANS += src/man/usher.7
dist_man_MANS += src/man/usher-policies.7
dist_man_MANS += src/man/usher-test.7

# tests/meta/docs.sh reads it.
EXTRA_DIST += README.md
