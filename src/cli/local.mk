# SPDX-License-Identifier: MIT
#
# The command line. It may use the library's internals, so it is linked to the
# convenience library.

bin_PROGRAMS += usher
usher_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
usher_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS)
usher_LDADD = libusher_internal.la $(EVENT_LIBS) $(JANSSON_LIBS)
usher_SOURCES =
usher_SOURCES += src/cli/annotate.c
usher_SOURCES += src/cli/cert.c
usher_SOURCES += src/cli/cert.h
usher_SOURCES += src/cli/check.c
usher_SOURCES += src/cli/cli.h
usher_SOURCES += src/cli/client.c
usher_SOURCES += src/cli/client.h
usher_SOURCES += src/cli/clients.c
usher_SOURCES += src/cli/clients.h
usher_SOURCES += src/cli/connection.c
usher_SOURCES += src/cli/connection.h
usher_SOURCES += src/cli/core.c
usher_SOURCES += src/cli/core.h
usher_SOURCES += src/cli/core_call.c
usher_SOURCES += src/cli/core_data.c
usher_SOURCES += src/cli/core_modules.c
usher_SOURCES += src/cli/core_policy.c
usher_SOURCES += src/cli/core_server.c
usher_SOURCES += src/cli/core_server.h
usher_SOURCES += src/cli/core_trace.c
usher_SOURCES += src/cli/core_visit.c
usher_SOURCES += src/cli/decisions.c
usher_SOURCES += src/cli/decisions.h
usher_SOURCES += src/cli/fail.c
usher_SOURCES += src/cli/getopts.c
usher_SOURCES += src/cli/getopts.h
usher_SOURCES += src/cli/handshake.c
usher_SOURCES += src/cli/handshake.h
usher_SOURCES += src/cli/http.c
usher_SOURCES += src/cli/http.h
usher_SOURCES += src/cli/limits.c
usher_SOURCES += src/cli/limits.h
usher_SOURCES += src/cli/listen.c
usher_SOURCES += src/cli/lua_json.c
usher_SOURCES += src/cli/lua_json.h
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
usher_SOURCES += src/cli/script.c
usher_SOURCES += src/cli/script.h
usher_SOURCES += src/cli/serve.c
usher_SOURCES += src/cli/serve.h
usher_SOURCES += src/cli/server.c
usher_SOURCES += src/cli/server.h
usher_SOURCES += src/cli/test.c
usher_SOURCES += src/cli/test.h
usher_SOURCES += src/cli/test_child.c
usher_SOURCES += src/cli/test_find.c
usher_SOURCES += src/cli/test_report.c
usher_SOURCES += src/cli/ticket_text.c
usher_SOURCES += src/cli/ticket_text.h
usher_SOURCES += src/cli/time.c
usher_SOURCES += src/cli/tour.c
usher_SOURCES += src/cli/tour.h
usher_SOURCES += src/cli/visit.c
usher_SOURCES += src/cli/visit.h

# The Lua halves of check and test, built in.
cli_scripts =
cli_scripts += src/cli/advice.lua
cli_scripts += src/cli/annotate.lua
cli_scripts += src/cli/annotate_modules.lua
cli_scripts += src/cli/annotate_tests.lua
cli_scripts += src/cli/annotate_write.lua
cli_scripts += src/cli/check.lua
cli_scripts += src/cli/lexer.lua
cli_scripts += src/cli/lines.lua
cli_scripts += src/cli/lint.lua
cli_scripts += src/cli/lint_results.lua
cli_scripts += src/cli/objects.lua
cli_scripts += src/cli/parser.lua
cli_scripts += src/cli/runner.lua
cli_scripts += src/cli/samples.lua
cli_scripts += src/cli/tree.lua
cli_scripts += src/cli/util.lua

nodist_usher_SOURCES = src/cli/scripts.c
CLEANFILES += src/cli/scripts.c
EXTRA_DIST += src/cli/embed.sh $(cli_scripts)
src/cli/scripts.c: src/cli/embed.sh $(cli_scripts)
	$(AM_V_GEN)$(MKDIR_P) src/cli && \
		$(SHELL) $(srcdir)/src/cli/embed.sh $(srcdir) \
		$(cli_scripts) >$@

# Writes what editors and linters are told; tests/meta/library.sh looks whether
# it still holds.
annotations: usher
	./usher annotate library >$(srcdir)/lua/library/usher.lua
	./usher annotate data >$(srcdir)/lua/library/usher/data.lua
	./usher annotate ip >$(srcdir)/lua/library/usher/ip.lua
	./usher annotate store >$(srcdir)/lua/library/usher/store.lua
	./usher annotate tests >$(srcdir)/lua/library/for_tests.lua
	./usher annotate luacheck >$(srcdir)/lua/library/usher.luacheckrc
.PHONY: annotations

librarydir = $(pkgdatadir)/library
dist_library_DATA =
dist_library_DATA += lua/library/for_tests.lua
dist_library_DATA += lua/library/usher.lua
dist_library_DATA += lua/library/usher.luacheckrc

# Beside them the modules in Lua, which carry their annotations.
libraryusherdir = $(librarydir)/usher
dist_libraryusher_DATA = $(LUA_MODULES)
dist_libraryusher_DATA += lua/library/usher/data.lua
dist_libraryusher_DATA += lua/library/usher/ip.lua
dist_libraryusher_DATA += lua/library/usher/store.lua
EXTRA_DIST += .luacheckrc
