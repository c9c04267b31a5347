# SPDX-License-Identifier: MIT
#
# Tests: programs made with Check, a line each in CHECKS, and scripts, a line
# each in TEST_SH. Both find what they need through AM_TESTS_ENVIRONMENT.

CHECKS =
CHECKS += tests/check_allocations
CHECKS += tests/check_allocations_rollout
CHECKS += tests/check_allocations_watch
CHECKS += tests/check_async
CHECKS += tests/check_attacks_budget
CHECKS += tests/check_attacks_escape
CHECKS += tests/check_attacks_handshake
CHECKS += tests/check_attacks_library
CHECKS += tests/check_attacks_load
CHECKS += tests/check_attacks_memory
CHECKS += tests/check_attacks_objects
CHECKS += tests/check_attacks_results
CHECKS += tests/check_auth_time
CHECKS += tests/check_base
CHECKS += tests/check_calendar
CHECKS += tests/check_cbor
CHECKS += tests/check_chunk
CHECKS += tests/check_descriptors
CHECKS += tests/check_engine
CHECKS += tests/check_engine_threads
CHECKS += tests/check_envelope
CHECKS += tests/check_envelope_makers
CHECKS += tests/check_envelope_siblings
CHECKS += tests/check_envelope_tls
CHECKS += tests/check_eye
CHECKS += tests/check_facts
CHECKS += tests/check_facts_handles
CHECKS += tests/check_facts_ticket
CHECKS += tests/check_facts_whole
CHECKS += tests/check_forks
CHECKS += tests/check_guards_cache
CHECKS += tests/check_guards_conn
CHECKS += tests/check_guards_context
CHECKS += tests/check_guards_early
CHECKS += tests/check_guards_hello
CHECKS += tests/check_guards_identities
CHECKS += tests/check_guards_life
CHECKS += tests/check_guards_places
CHECKS += tests/check_guards_queue
CHECKS += tests/check_leave
CHECKS += tests/check_lib
CHECKS += tests/check_lists
CHECKS += tests/check_manual
CHECKS += tests/check_manual_data
CHECKS += tests/check_manual_errors
CHECKS += tests/check_manual_host
CHECKS += tests/check_metrics
CHECKS += tests/check_names
CHECKS += tests/check_once
CHECKS += tests/check_openssl
CHECKS += tests/check_openssl_traps
CHECKS += tests/check_pattern
CHECKS += tests/check_policies
CHECKS += tests/check_pool
CHECKS += tests/check_recorded
CHECKS += tests/check_reload
CHECKS += tests/check_require
CHECKS += tests/check_serve_limits
CHECKS += tests/check_sets
CHECKS += tests/check_shadow
CHECKS += tests/check_stack
CHECKS += tests/check_standard
CHECKS += tests/check_stats
CHECKS += tests/check_store
CHECKS += tests/check_store_crash
CHECKS += tests/check_store_forks
CHECKS += tests/check_store_hostile
CHECKS += tests/check_store_lua
CHECKS += tests/check_store_name
CHECKS += tests/check_surface
CHECKS += tests/check_ticket_text
CHECKS += tests/check_torture
CHECKS += tests/check_unfinished
CHECKS += tests/check_value
CHECKS += tests/check_watch
CHECKS += tests/check_watch_life

TEST_SH =
TEST_SH += tests/meta/exports.sh
TEST_SH += tests/meta/hardening.sh
TEST_SH += tests/meta/headers.sh
TEST_SH += tests/meta/layers.sh
TEST_SH += tests/meta/lists.sh
TEST_SH += tests/meta/format.sh
TEST_SH += tests/meta/sizes.sh
TEST_SH += tests/meta/spdx.sh
TEST_SH += tests/meta/installed.sh
TEST_SH += tests/meta/docs.sh
TEST_SH += tests/meta/library.sh
TEST_SH += tests/meta/luacheck.sh
TEST_SH += tests/meta/shell.sh
TEST_SH += tests/fuzz/replay.sh
TEST_SH += tests/check_bootstrap.sh
TEST_SH += tests/check_serve.sh
TEST_SH += tests/check_embed.sh
TEST_SH += tests/check_cli_check.sh
TEST_SH += tests/check_cli_test.sh

EXTRA_DIST += $(TEST_SH) tests/meta/installed.c
EXTRA_DIST += tests/cli/common.sh
EXTRA_DIST += tests/cli/failing.lua
EXTRA_DIST += tests/cli/mistakes.txt
EXTRA_DIST += tests/cli/objects_test.lua

# What test programs share: each takes from it what it names.
if HAVE_CHECK
check_LIBRARIES += tests/libhelpers.a
endif
tests_libhelpers_a_SOURCES =
include tests/pattern/local.mk
include tests/store/local.mk
include tests/tls/local.mk

# The command line's own parts are not in the library.
tests_check_ticket_text_SOURCES = \
	tests/check_ticket_text.c src/cli/ticket_text.c
tests_check_recorded_SOURCES = \
	tests/check_recorded.c src/cli/recorded.c src/cli/recorded_data.c \
	src/cli/recorded_read.c src/cli/recorded_value.c
tests_check_recorded_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_check_recorded_LDADD = $(LDADD) $(JANSSON_LIBS)

# Their allocations are made to fail: tests/tls/failing.h.
WRAP_MALLOC = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup \
	-Wl,--wrap=strndup,--wrap=realpath \
	-Wl,--wrap=asprintf,--wrap=posix_memalign
tests_check_allocations_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC) \
	-Wl,--wrap=ush_box_call,--wrap=ush_box_run \
	-Wl,--wrap=ush_decrypt_cb,--wrap=ush_generate_cb
tests_check_allocations_rollout_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC)
tests_check_allocations_watch_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC) \
	-Wl,--wrap=poll,--wrap=ush_rollout_reload
tests_check_facts_handles_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=ush_objects_new
tests_check_descriptors_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC)
tests_check_lib_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC) \
	-Wl,--wrap=ush_box_new
tests_check_stack_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=luaL_checkstack
tests_check_sets_LDFLAGS = $(AM_LDFLAGS) $(WRAP_MALLOC)

# Of every test program that has no lines of its own.
LDADD = tests/libhelpers.a libusher_internal.la $(CHECK_LIBS)

if HAVE_CHECK
check_PROGRAMS += $(CHECKS)
TESTS += $(CHECKS) $(TEST_SH)
else
check-local:
	@echo 'make check needs Check. Install it (Debian package: check)' \
		'and run configure again, or run "./bootstrap check".' >&2
	@exit 1
endif

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)

# Busy machines are slow, and sanitizers slower. Check forks, which the thread
# sanitizer has to be told; tests of failed allocations ask for sizes that the
# address sanitizer would stop at.
if SANITIZERS
TIMEOUT_MULTIPLIER = 15
else
TIMEOUT_MULTIPLIER = 5
endif

AM_TESTS_ENVIRONMENT = \
	USHER_SRC='$(abs_top_srcdir)'; export USHER_SRC; \
	USHER_BUILD='$(abs_top_builddir)'; export USHER_BUILD; \
	USHER_FUZZERS='$(FUZZERS)'; export USHER_FUZZERS; \
	USHER_SANITIZERS='$(SANITIZER_CFLAGS)'; export USHER_SANITIZERS; \
	USHER_HARDENING='$(USHER_HARDENING)'; export USHER_HARDENING; \
	USHER_CPPFLAGS='-D_GNU_SOURCE -I$(abs_top_srcdir)/src \
		$(OPENSSL_CFLAGS) $(LUAJIT_CFLAGS) $(CBOR_CFLAGS) \
		$(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS)'; \
	export USHER_CPPFLAGS; \
	CC='$(CC)'; export CC; NM='$(NM)'; export NM; \
	MAKE='$(MAKE)'; export MAKE; \
	CK_TIMEOUT_MULTIPLIER=$${CK_TIMEOUT_MULTIPLIER-$(TIMEOUT_MULTIPLIER)}; \
	export CK_TIMEOUT_MULTIPLIER; \
	ASAN_OPTIONS="allocator_may_return_null=1:$$ASAN_OPTIONS"; \
	export ASAN_OPTIONS; \
	TSAN_OPTIONS="die_after_fork=0:allocator_may_return_null=1:$$TSAN_OPTIONS"; \
	export TSAN_OPTIONS; \
	UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; \
	export UBSAN_OPTIONS;

# make distcheck removes its folder; with USHER_SAVE_LOGS, the results stay.
installcheck-local:
	@if test -n "$$USHER_SAVE_LOGS"; then \
		for log in $(TEST_LOGS); do \
			name=`echo $$log | sed 's|/|-|g; s|\.log$$||'`; \
			cp $$log "$$USHER_SAVE_LOGS/$$name.log" && \
			cp `echo $$log | sed 's|log$$|trs|'` \
				"$$USHER_SAVE_LOGS/$$name.trs" || exit 1; \
		done; \
	fi

# What takes longer: the suite under the thread sanitizer, soaks (tests that
# look at USHER_LONG), clients that are not ours, with clang a minute of each
# fuzzer, and some mutants (USHER_MUTANTS, 10), which the suite has to notice.
check-long:
	USHER_MAKE='$(MAKE)' $(SHELL) $(top_srcdir)/tests/long.sh \
		$(abs_top_srcdir) $(abs_top_builddir)/check-long
.PHONY: check-long
EXTRA_DIST += tests/long.sh
EXTRA_DIST += tests/mutants.sh tests/mutants/make.pl tests/mutants/equivalent
EXTRA_DIST += tests/clients/Client.java
EXTRA_DIST += tests/clients/client.go
EXTRA_DIST += tests/clients/client.js
EXTRA_DIST += tests/clients/mbedtls.c
EXTRA_DIST += tests/clients/run.sh
EXTRA_DIST += tests/clients/wolfssl.c
EXTRA_DIST += tests/model/run.sh tests/model/pool.pml
EXTRA_DIST += tests/luajits.sh
