# SPDX-License-Identifier: MIT
#
# The library, built once as a convenience library with all its internals, for
# the command line and the tests, and from that as libusher with the public
# names only.

noinst_LTLIBRARIES += libusher_internal.la
libusher_internal_la_SOURCES =
libusher_internal_la_LIBADD = $(LUAJIT_LIBS) $(CBOR_LIBS) $(OPENSSL_LIBS) $(LIBM)

include src/base/local.mk
include src/data/local.mk
include src/sandbox/local.mk
include src/facts/local.mk
include src/lib/local.mk
include src/policy/local.mk
include src/tls/local.mk
include lua/local.mk

libusher_internal_la_SOURCES += src/usher.c
libusher_internal_la_SOURCES += src/usher_inner.h
libusher_internal_la_SOURCES += src/usher_rollout.c
libusher_internal_la_SOURCES += src/usher_stats.c
libusher_internal_la_SOURCES += src/usher_store.c

include_HEADERS = src/usher.h
pkgconfig_DATA = src/usher.pc
EXTRA_DIST += src/usher.map

lib_LTLIBRARIES += libusher.la
libusher_la_SOURCES =
libusher_la_LIBADD = libusher_internal.la
libusher_la_LDFLAGS = $(AM_LDFLAGS) $(NO_UNDEFINED) \
	-version-info $(USHER_VERSION_INFO) \
	-Wl,--version-script=$(top_srcdir)/src/usher.map \
	-Wl,-z,nodelete
EXTRA_libusher_la_DEPENDENCIES = $(top_srcdir)/src/usher.map

include src/cli/local.mk
