# SPDX-License-Identifier: MIT
#
# The part of the standard library that is written in Lua: each file becomes an
# array of bytes in the library, and `require` finds it under its name
# (lua/usher/chain.lua is usher.chain).

LUA_MODULES =
LUA_MODULES += lua/usher/age.lua
LUA_MODULES += lua/usher/bind.lua
LUA_MODULES += lua/usher/by_name.lua
LUA_MODULES += lua/usher/chain.lua
LUA_MODULES += lua/usher/limit.lua
LUA_MODULES += lua/usher/once.lua
LUA_MODULES += lua/usher/options.lua
LUA_MODULES += lua/usher/part.lua
LUA_MODULES += lua/usher/revoke.lua
LUA_MODULES += lua/usher/standard.lua

# tests/check_cli_test.sh runs these.
LUA_TESTS =
LUA_TESTS += lua/usher/age_test.lua
LUA_TESTS += lua/usher/bind_test.lua
LUA_TESTS += lua/usher/by_name_test.lua
LUA_TESTS += lua/usher/chain_test.lua
LUA_TESTS += lua/usher/limit_test.lua
LUA_TESTS += lua/usher/once_test.lua
LUA_TESTS += lua/usher/options_test.lua
LUA_TESTS += lua/usher/revoke_test.lua
LUA_TESTS += lua/usher/standard_test.lua

EXTRA_DIST += $(LUA_MODULES) $(LUA_TESTS) lua/embed.sh

# Their tests, beside them: tests/check_cli_test.sh runs them.
EXTRA_DIST += lua/usher/age_test.lua
EXTRA_DIST += lua/usher/bind_test.lua
EXTRA_DIST += lua/usher/by_name_test.lua
EXTRA_DIST += lua/usher/chain_test.lua
EXTRA_DIST += lua/usher/limit_test.lua
EXTRA_DIST += lua/usher/once_test.lua
EXTRA_DIST += lua/usher/options_test.lua
EXTRA_DIST += lua/usher/revoke_test.lua
EXTRA_DIST += lua/usher/standard_test.lua

nodist_libusher_internal_la_SOURCES = lua/embedded.c
CLEANFILES += lua/embedded.c

# Depends on this file too, since the list stands here.
lua/embedded.c: lua/local.mk lua/embed.sh $(LUA_MODULES)
	$(AM_V_GEN)$(MKDIR_P) lua && \
		$(SHELL) $(srcdir)/lua/embed.sh $(srcdir) $(LUA_MODULES) \
		>$@-t && mv $@-t $@
