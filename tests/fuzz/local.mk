# SPDX-License-Identifier: MIT
#
# Fuzzers: a line in FUZZERS, and one that names the libraries. Without
# --enable-fuzzer they have the main() of replay.c and only replay the corpus.

FUZZERS =
FUZZERS += tests/fuzz/fuzz_envelope
tests_fuzz_fuzz_envelope_LDADD = $(FUZZ_LIBS)
FUZZERS += tests/fuzz/fuzz_hello
tests_fuzz_fuzz_hello_LDADD = $(FUZZ_LIBS)
FUZZERS += tests/fuzz/fuzz_pattern
tests_fuzz_fuzz_pattern_LDADD = $(FUZZ_LIBS)
FUZZERS += tests/fuzz/fuzz_script
tests_fuzz_fuzz_script_LDADD = $(FUZZ_LIBS)

if !FUZZER
FUZZ_MAIN = tests/fuzz/libreplay.a
endif
FUZZ_LIBS = $(FUZZ_MAIN) tests/libhelpers.a libusher_internal.la \
	$(CHECK_LIBS) $(FUZZER_LIBS)

check_LIBRARIES += tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c

if HAVE_CHECK
check_PROGRAMS += $(FUZZERS)
endif

# What fuzzers share.
tests_libhelpers_a_SOURCES += tests/fuzz/grammar.c
tests_libhelpers_a_SOURCES += tests/fuzz/grammar.h
tests_libhelpers_a_SOURCES += tests/fuzz/must.h
tests_libhelpers_a_SOURCES += tests/fuzz/server.c
tests_libhelpers_a_SOURCES += tests/fuzz/server.h

# Makes a corpus anew: tests/fuzz/seeds_hello tests/fuzz/corpus/hello
EXTRA_PROGRAMS += tests/fuzz/seeds_hello
CLEANFILES += tests/fuzz/seeds_hello

EXTRA_DIST += tests/fuzz/corpus
