# SPDX-License-Identifier: MIT
#
# Handshakes for tests.

tests_libhelpers_a_SOURCES += tests/tls/attack.c
tests_libhelpers_a_SOURCES += tests/tls/attack.h
tests_libhelpers_a_SOURCES += tests/tls/cases.c
tests_libhelpers_a_SOURCES += tests/tls/cases.h
tests_libhelpers_a_SOURCES += tests/tls/cert.c
tests_libhelpers_a_SOURCES += tests/tls/cert.h
tests_libhelpers_a_SOURCES += tests/tls/contexts.c
tests_libhelpers_a_SOURCES += tests/tls/engine.c
tests_libhelpers_a_SOURCES += tests/tls/engine.h
tests_libhelpers_a_SOURCES += tests/tls/folder.c
tests_libhelpers_a_SOURCES += tests/tls/folder.h
tests_libhelpers_a_SOURCES += tests/tls/harness.c
tests_libhelpers_a_SOURCES += tests/tls/harness.h
tests_libhelpers_a_SOURCES += tests/tls/hello.c
tests_libhelpers_a_SOURCES += tests/tls/hello.h
tests_libhelpers_a_SOURCES += tests/tls/keys.c
tests_libhelpers_a_SOURCES += tests/tls/keys.h
tests_libhelpers_a_SOURCES += tests/tls/plain.c
tests_libhelpers_a_SOURCES += tests/tls/plain.h
tests_libhelpers_a_SOURCES += tests/tls/policy.c
tests_libhelpers_a_SOURCES += tests/tls/policy.h
tests_libhelpers_a_SOURCES += tests/tls/psk.c
tests_libhelpers_a_SOURCES += tests/tls/psk.h
tests_libhelpers_a_SOURCES += tests/tls/refuse.c
tests_libhelpers_a_SOURCES += tests/tls/refuse.h
tests_libhelpers_a_SOURCES += tests/tls/scripts.c
tests_libhelpers_a_SOURCES += tests/tls/scripts.h
tests_libhelpers_a_SOURCES += tests/tls/session.c
tests_libhelpers_a_SOURCES += tests/tls/session.h
tests_libhelpers_a_SOURCES += tests/tls/suite.c
tests_libhelpers_a_SOURCES += tests/tls/suite.h
tests_libhelpers_a_SOURCES += tests/tls/wire.c
tests_libhelpers_a_SOURCES += tests/tls/wire.h
