# SPDX-License-Identifier: MIT
#
# make bench: what the library costs.

BENCHES =
BENCHES += tests/bench/bench_callbacks
BENCHES += tests/bench/bench_reload
BENCHES += tests/bench/bench_sets
BENCHES += tests/bench/bench_state
BENCHES += tests/bench/bench_store
EXTRA_PROGRAMS += $(BENCHES)
tests_bench_bench_reload_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_bench_bench_callbacks_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
EXTRA_DIST += tests/bench/bench.sh tests/bench/policy.lua

bench: $(BENCHES)
	$(AM_V_at)USHER_SRC='$(abs_top_srcdir)' \
		USHER_BUILD='$(abs_top_builddir)' \
		$(SHELL) $(srcdir)/tests/bench/bench.sh
.PHONY: bench
