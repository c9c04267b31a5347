# SPDX-License-Identifier: MIT
#
# The command line. It may use the library's internals, so it is linked to the
# convenience library.

bin_PROGRAMS += usher
usher_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
usher_LDADD = libusher_internal.la $(EVENT_LIBS) $(JANSSON_LIBS)
usher_SOURCES =
usher_SOURCES += src/cli/cert.c
usher_SOURCES += src/cli/cert.h
usher_SOURCES += src/cli/cli.h
usher_SOURCES += src/cli/client.c
usher_SOURCES += src/cli/client.h
usher_SOURCES += src/cli/decisions.c
usher_SOURCES += src/cli/decisions.h
usher_SOURCES += src/cli/fail.c
usher_SOURCES += src/cli/listen.c
usher_SOURCES += src/cli/main.c
usher_SOURCES += src/cli/options.c
usher_SOURCES += src/cli/options.h
usher_SOURCES += src/cli/page.c
usher_SOURCES += src/cli/page.h
usher_SOURCES += src/cli/peer.c
usher_SOURCES += src/cli/peer.h
usher_SOURCES += src/cli/recorded.c
usher_SOURCES += src/cli/recorded.h
usher_SOURCES += src/cli/recorded_data.c
usher_SOURCES += src/cli/recorded_read.c
usher_SOURCES += src/cli/recorded_reader.h
usher_SOURCES += src/cli/recorded_value.c
usher_SOURCES += src/cli/serve.c
usher_SOURCES += src/cli/serve.h
usher_SOURCES += src/cli/server.c
usher_SOURCES += src/cli/server.h
usher_SOURCES += src/cli/ticket_text.c
usher_SOURCES += src/cli/ticket_text.h
usher_SOURCES += src/cli/tour.c
usher_SOURCES += src/cli/tour.h
usher_SOURCES += src/cli/visit.c
usher_SOURCES += src/cli/visit.h
