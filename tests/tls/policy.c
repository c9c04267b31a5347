/*
 * SPDX-License-Identifier: MIT
 *
 * Policies that several test programs use, and what they tell.
 */
#include "policy.h"

#include <stdio.h>
#include <string.h>

int
version_of(int i)
{
	return i % VERSIONS ? TLS1_3_VERSION : TLS1_2_VERSION;
}

const char policy_by_name[] =
    "return {\n"
    "  generate = function(conn, ticket)\n"
    "    return { sni = conn.server_name }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.data then return 'ignore_renew', 'not ours' end\n"
    "    if ticket.data.sni ~= conn.server_name then\n"
    "      return 'ignore_renew', 'other name'\n"
    "    end\n"
    "    return 'default', 'same name'\n"
    "  end,\n"
    "}\n";

const char *
policy_renewing(const char *head, const char *generate)
{
	static char text[2048];

	snprintf(text, sizeof text,
	    "return { %s\n"
	    "  generate = function(conn, ticket)\n"
	    "    %s\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return end\n"
	    "    local data = ticket.data\n"
	    "    return 'use_renew', tostring(ticket.auth_time) .. ' '\n"
	    "      .. tostring(ticket.auth_age) .. ' '\n"
	    "      .. tostring(ticket.renewals) .. ' '\n"
	    "      .. tostring(ticket.server_name) .. ' '\n"
	    "      .. tostring(ticket.policy) .. ' '\n"
	    "      .. tostring(data and data.n)\n"
	    "  end,\n"
	    "}\n",
	    head, generate);
	return text;
}

void
visit_and_expect(struct visit *visit, const char *want)
{
	struct outcome saw;

	notes_clear();
	saw = visit_run(visit);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, want);
	ck_assert(saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	visit->session = saw.session;
}

const char *
policy_showing(const char *generate, const char *decrypt)
{
	static char text[4096];

	snprintf(text, sizeof text,
	    "local function show(v)\n"
	    "  if type(v) ~= 'table' then return tostring(v) end\n"
	    "  local parts = {}\n"
	    "  for i = 1, #v do parts[i] = show(v[i]) end\n"
	    "  return '{' .. table.concat(parts, ',') .. '}'\n"
	    "end\n"
	    "local function all(...)\n"
	    "  local parts = {}\n"
	    "  for i = 1, select('#', ...) do\n"
	    "    parts[i] = show((select(i, ...)))\n"
	    "  end\n"
	    "  return table.concat(parts, ' ')\n"
	    "end\n"
	    "return {\n"
	    "  name = 'p',\n"
	    "  generate = function(conn, ticket)\n"
	    "    conn.vars.seen = all(%s)\n"
	    "    return { n = 'x' }\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    conn.vars.seen = all(%s)\n"
	    "    if ticket.decrypted then return 'use_renew' end\n"
	    "  end,\n"
	    "}\n",
	    generate, decrypt);
	return text;
}

const char *
policy_seen(enum usher_call call)
{
	notes_check();
	return note_last(call)->seen;
}
