/*
 * SPDX-License-Identifier: MIT
 *
 * `require "usher.ip"`: addresses and networks, written as text. An IPv4
 * address mapped into IPv6 is the IPv4 address.
 */
#include "data/ip.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "lib/builtin.h"
#include "lib/host.h"
#include "sandbox/budget.h"
#include "sandbox/view.h"

enum {
	CALL_UNITS = 20,
	BITS_4 = 24, /* of a prefix, where none are given: what one site has */
	BITS_6 = 48,
	SHOWN = 64, /* bytes of a wrong argument */
};

/* Raises that the argument is wrong, and shows it. [-0, +0, e] */
static int
raise_arg(lua_State *L, int arg, const char *s, size_t len, const char *why)
{
	char shown[SHOWN], text[SHOWN + 256];

	ush_escape(shown, sizeof shown, s, len);
	snprintf(text, sizeof text, "'%s' %s", shown, why);
	return luaL_argerror(L, arg, text);
}

/* [-0, +0, e] */
static void
ip_arg(lua_State *L, int arg, struct ush_ip *ip)
{
	size_t len;
	const char *s = ush_lib_string_arg(L, arg, &len);

	ush_budget_charge(L, CALL_UNITS);
	if (ush_ip_parse(s, len, ip) != 0)
		raise_arg(L, arg, s, len, "is no IP address");
}

/* Number of bits at `arg`, or `preset`. [-0, +0, e] */
static unsigned int
bits_arg(lua_State *L, int arg, unsigned int preset, unsigned int width)
{
	lua_Number n;

	if (lua_isnoneornil(L, arg))
		return preset;
	luaL_checktype(L, arg, LUA_TNUMBER);
	n = lua_tonumber(L, arg);
	if (!(n >= 0 && n <= width) || n != (lua_Number)(int)n)
		luaL_argerror(L, arg,
		    width == 32 ? "an IPv4 prefix has 0 to 32 bits"
				: "an IPv6 prefix has 0 to 128 bits");
	return (unsigned int)n;
}

/* parse(text): the address in its usual form, and 4 or 6; or nil. */
static int
l_ip_parse(lua_State *L)
{
	char text[USH_IP_TEXT];
	struct ush_ip ip;
	size_t len;
	const char *s = ush_lib_string_arg(L, 1, &len);

	ush_budget_charge(L, CALL_UNITS);
	if (ush_ip_parse(s, len, &ip) != 0)
		return 0;
	ush_ip_print(&ip, text);
	lua_pushstring(L, text);
	lua_pushinteger(L, ip.six ? 6 : 4);
	return 2;
}

/* prefix(address, bits4, bits6): the network that it lies in. */
static int
l_ip_prefix(lua_State *L)
{
	char text[USH_NET_TEXT];
	struct ush_net net;
	unsigned int four, six;

	ip_arg(L, 1, &net.ip);
	four = bits_arg(L, 2, BITS_4, 32);
	six = bits_arg(L, 3, BITS_6, 128);
	net.bits = net.ip.six ? six : four;
	ush_ip_mask(&net.ip, net.bits);
	ush_net_print(&net, text);
	lua_pushstring(L, text);
	return 1;
}

/* contains(network, address) */
static int
l_ip_contains(lua_State *L)
{
	struct ush_net net;
	struct ush_ip ip;
	char why[200];
	size_t len;
	const char *s = ush_lib_string_arg(L, 1, &len);

	ush_budget_charge(L, CALL_UNITS);
	if (ush_net_parse(s, len, &net, why, sizeof why) != 0)
		return raise_arg(L, 1, s, len, why);
	ip_arg(L, 2, &ip);
	lua_pushboolean(L, ush_net_has(&net, &ip));
	return 1;
}

static const luaL_Reg functions[] = {
    {"contains", l_ip_contains},
    {"parse", l_ip_parse},
    {"prefix", l_ip_prefix},
    {NULL, NULL},
};

void
ush_lib_open_ip(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	ush_view_push(L, "usher.ip");
}
