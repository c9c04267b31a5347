/*
 * SPDX-License-Identifier: MIT
 *
 * Calls that lack memory.
 */
#include "starve.h"

#include <stdio.h>
#include <string.h>

#include "failing.h"
#include "folder.h"
#include "scripts.h"

struct starved starved;

void
starve_write(const char *name, int n)
{
	char text[1024];

	snprintf(text, sizeof text,
	    "local me = %d\n"
	    "local data = require 'usher.data'\n"
	    "local by_of = require 'lib.by'\n"
	    "local set = data.set('lists/set.txt')\n"
	    "local map = data.map('map.txt')\n"
	    "local nets = data.networks('nets.txt')\n"
	    "return { name = 'numbered',\n"
	    "  selftest = function() assert(set:contains 'yes') end,\n"
	    "  generate = function() return { by = me } end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return 'ignore_renew' end\n"
	    "    assert(nets:contains '192.0.2.1')\n"
	    "    return map:get 'verdict', me .. ' after ' .. by_of(ticket)\n"
	    "  end }\n",
	    n);
	folder_write(name, text);
}

void
starve_begin(int mode, usher_decision_fn decision)
{
	struct engine_spec spec = {.decision = decision};

	failing_off = true;
	failing_on = mode == 1;
	folder_write("lib/by.lua",
	    "return function(ticket) return ticket.data.by end\n");
	folder_write("lists/set.txt", "yes\nno\n");
	folder_write("map.txt", "verdict use_renew\n");
	folder_write("nets.txt", "192.0.2.0/24\n2001:db8::/32\n");
	starve_write("policy.lua", 1);
	spec.path = folder_path("policy.lua");
	starved.engine = engine_make(&spec);
	starved.visit = (struct visit){.version = TLS1_3_VERSION};
	starved.visit.server = engine_server(starved.engine, TLS1_3_VERSION);
	starved.visit.session = visit_run(&starved.visit).session;
	starved.by = 1;
}

void
starve_expect(int n)
{
	char want[32];

	notes_clear(); /* which keep few */
	snprintf(want, sizeof want, "%d after %d", n, starved.by);
	script_expect(&starved.visit, want);
	notes_check();
	starved.by = n;
}

int
starve(starve_fn fn, int k, int n, struct usher_error *error)
{
	int result;

	memset(error, 0, sizeof *error);
	failing_count = 0;
	failing_at = n;
	failing_off = false;
	result = fn(k, error);
	failing_off = true;
	return result;
}

int
starve_reload(int k, struct usher_error *error)
{
	(void)k;
	return usher_reload(starved.engine, error);
}

int
starve_watch(int k, struct usher_error *error)
{
	(void)k;
	return usher_watch(starved.engine, 1, error);
}

void
starve_check(const struct usher_error *error, int n)
{
	ck_assert_msg(error->code == USHER_ERROR_SYSTEM &&
			  strstr(error->message, "out of memory"),
	    "allocation %d: code %d: %s", n, error->code, error->message);
}
