/*
 * SPDX-License-Identifier: MIT
 *
 * Those functions of math and bit that take any number of arguments (LuaJIT's
 * would read thousands of long strings as numbers in one instruction), the
 * seed of math.random, and the three functions of os that a policy may have,
 * all of them about time. The rest of math and bit is LuaJIT's own.
 */
#include "sandbox/lib.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "sandbox/box.h"
#include "sandbox/budget.h"
#include "sandbox/strbuf.h"

enum {
	ARGUMENTS_PER_UNIT = 4,
	DATE_MAX = 256,   /* bytes that one conversion may give */
	DATE_BYTES = 256, /* it is work like copying so many */
};

void
ush_lib_seed(lua_State *L)
{
	uint64_t bits;

	ush_box_random(ush_box_of(L), &bits, sizeof bits);
	lua_pushnumber(L, (double)(bits >> 11) * 0x1p-21);
	lua_call(L, 1, 0);
}

/* ---- math, bit ---- */

static int
l_math_max(lua_State *L)
{
	int n = lua_gettop(L);
	double max = ush_lib_number(L, 1), other;

	ush_budget_charge(L, (uint64_t)n / ARGUMENTS_PER_UNIT);
	for (int i = 2; i <= n; i++) {
		other = ush_lib_number(L, i);
		max = max > other ? max : other;
	}
	lua_pushnumber(L, max);
	return 1;
}

static int
l_math_min(lua_State *L)
{
	int n = lua_gettop(L);
	double min = ush_lib_number(L, 1), other;

	ush_budget_charge(L, (uint64_t)n / ARGUMENTS_PER_UNIT);
	for (int i = 2; i <= n; i++) {
		other = ush_lib_number(L, i);
		min = min < other ? min : other;
	}
	lua_pushnumber(L, min);
	return 1;
}

/* A number modulo 2^32, rounded as LuaJIT does it: by adding what moves its
 * integer part to the low half of a double. [-0, +0, e] */
static uint32_t
bits(lua_State *L, int arg)
{
	double n = ush_lib_number(L, arg) + 0x1.8p52;
	uint64_t u;

	memcpy(&u, &n, sizeof u);
	return (uint32_t)u;
}

/* The result of a function of `bit` is signed. [-0, +1, e] */
static int
push_bits(lua_State *L, uint32_t u)
{
	lua_pushnumber(L, u < 0x80000000 ? (double)u : (double)u - 0x1p32);
	return 1;
}

static int
l_bit_band(lua_State *L)
{
	int n = lua_gettop(L);
	uint32_t u = bits(L, 1);

	ush_budget_charge(L, (uint64_t)n / ARGUMENTS_PER_UNIT);
	for (int i = 2; i <= n; i++)
		u &= bits(L, i);
	return push_bits(L, u);
}

static int
l_bit_bor(lua_State *L)
{
	int n = lua_gettop(L);
	uint32_t u = bits(L, 1);

	ush_budget_charge(L, (uint64_t)n / ARGUMENTS_PER_UNIT);
	for (int i = 2; i <= n; i++)
		u |= bits(L, i);
	return push_bits(L, u);
}

static int
l_bit_bxor(lua_State *L)
{
	int n = lua_gettop(L);
	uint32_t u = bits(L, 1);

	ush_budget_charge(L, (uint64_t)n / ARGUMENTS_PER_UNIT);
	for (int i = 2; i <= n; i++)
		u ^= bits(L, i);
	return push_bits(L, u);
}

/* ---- os.clock ---- */

static int
l_os_clock(lua_State *L)
{
	lua_pushnumber(L, ush_box_cpu_seconds(ush_box_of(L)));
	return 1;
}

/* ---- os.time ---- */

/* The field of the table at 1, or `def`; without one (-1) it must be there.
 * [-0, +0, e] */
static int
time_field(lua_State *L, const char *name, int def)
{
	double n;

	lua_pushstring(L, name);
	lua_rawget(L, 1);
	if (lua_isnil(L, -1) && def >= 0) {
		lua_pop(L, 1);
		return def;
	}
	if (lua_type(L, -1) == LUA_TSTRING)
		ush_lib_charge_bytes(L, lua_objlen(L, -1) * 8);
	if (!lua_isnumber(L, -1))
		return luaL_error(L, "field '%s' missing in date table", name);
	n = lua_tonumber(L, -1);
	if (!(n >= -1000000000 && n <= 1000000000))
		return luaL_error(
		    L, "field '%s' of date table out of range", name);
	lua_pop(L, 1);
	return (int)n;
}

/* Local time, as ever in Lua. */
static int
l_os_time(lua_State *L)
{
	struct tm tm;
	time_t t;

	if (lua_isnoneornil(L, 1)) {
		lua_pushnumber(L, (double)ush_box_now(ush_box_of(L)));
		return 1;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	memset(&tm, 0, sizeof tm);
	tm.tm_sec = time_field(L, "sec", 0);
	tm.tm_min = time_field(L, "min", 0);
	tm.tm_hour = time_field(L, "hour", 12);
	tm.tm_mday = time_field(L, "day", -1);
	tm.tm_mon = time_field(L, "month", -1) - 1;
	tm.tm_year = time_field(L, "year", -1) - 1900;
	lua_pushliteral(L, "isdst");
	lua_rawget(L, 1);
	tm.tm_isdst = lua_isnil(L, -1) ? -1 : lua_toboolean(L, -1);
	ush_lib_charge_bytes(L, DATE_BYTES);
	t = ush_calendar_make(&tm);
	if (t == (time_t)-1)
		lua_pushnil(L);
	else
		lua_pushnumber(L, (double)t);
	return 1;
}

/* ---- os.date ---- */

/* What strftime(3) knows by the C standard, without and with the modifiers E
 * and O: anything else is left to each C library. */
static const char conversions[] = "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ";
static const char e_conversions[] = "cCxXyY";
static const char o_conversions[] = "deHImMSuUVwWy";

/* The length of the conversion at p, without its '%'; 0 if it is none. */
static size_t
conversion_length(const char *p)
{
	if (*p == 'E' || *p == 'O')
		return p[1] != '\0' &&
			       strchr(*p == 'E' ? e_conversions : o_conversions,
				   p[1])
			   ? 2
			   : 0;
	return *p != '\0' && strchr(conversions, *p) ? 1 : 0;
}

/* [-0, +0, e] */
static void
add_date(struct ush_strbuf *b, const struct tm *tm, const char *p, size_t len)
{
	char spec[4] = "%", text[DATE_MAX];

	memcpy(spec + 1, p, len);
	spec[1 + len] = '\0';
	b->owed += DATE_BYTES;
	ush_strbuf_add(
	    b, text, ush_calendar_format(text, sizeof text, spec, tm));
}

/* [-0, +1, e] */
static void
push_date(lua_State *L, const struct tm *tm, const char *p, size_t len)
{
	struct ush_strbuf b;
	const char *end = p + len, *sign;
	size_t n;

	ush_strbuf_init(&b, L);
	while ((sign = memchr(p, '%', (size_t)(end - p)))) {
		ush_strbuf_add(&b, p, (size_t)(sign - p));
		if (sign[1] == '%') {
			ush_strbuf_add(&b, "%", 1);
			p = sign + 2;
			continue;
		}
		n = conversion_length(sign + 1);
		if (n == 0)
			luaL_error(L, "invalid conversion in os.date's format");
		add_date(&b, tm, sign + 1, n);
		p = sign + 1 + n;
	}
	ush_strbuf_add(&b, p, (size_t)(end - p));
	ush_strbuf_push(&b);
}

/* [-0, +1, e] */
static void
push_date_table(lua_State *L, const struct tm *tm)
{
	const struct {
		const char *name;
		int value;
	} fields[] = {
	    {"sec", tm->tm_sec},
	    {"min", tm->tm_min},
	    {"hour", tm->tm_hour},
	    {"day", tm->tm_mday},
	    {"month", tm->tm_mon + 1},
	    {"year", tm->tm_year + 1900},
	    {"wday", tm->tm_wday + 1},
	    {"yday", tm->tm_yday + 1},
	};

	lua_createtable(L, 0, 9);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		lua_pushinteger(L, fields[i].value);
		lua_setfield(L, -2, fields[i].name);
	}
	if (tm->tm_isdst >= 0) {
		lua_pushboolean(L, tm->tm_isdst);
		lua_setfield(L, -2, "isdst");
	}
}

/* The time of argument 2, or now, taken apart. [-0, +0, e] */
static void
split_time(lua_State *L, bool utc, struct tm *tm)
{
	double n = lua_isnoneornil(L, 2) ? (double)ush_box_now(ush_box_of(L))
					 : ush_lib_number(L, 2);
	time_t t;

	luaL_argcheck(L, n > -1e15 && n < 1e15, 2, "time out of range");
	t = (time_t)floor(n);
	if ((utc ? ush_calendar_utc(t, tm) : ush_calendar_local(t, tm)) != 0)
		luaL_argerror(L, 2, "time out of range");
	luaL_argcheck(L, tm->tm_year <= INT_MAX - 1900, 2, "time out of range");
}

static int
l_os_date(lua_State *L)
{
	size_t len;
	const char *format = luaL_optlstring(L, 1, "%c", &len);
	bool utc = *format == '!';
	struct tm tm;

	split_time(L, utc, &tm);
	format += utc;
	len -= utc;
	if (strcmp(format, "*t") == 0)
		push_date_table(L, &tm);
	else
		push_date(L, &tm, format, len);
	return 1;
}

const luaL_Reg ush_lib_math[] = {
    {"max", l_math_max},
    {"min", l_math_min},
    {NULL, NULL},
};

const luaL_Reg ush_lib_bit[] = {
    {"band", l_bit_band},
    {"bor", l_bit_bor},
    {"bxor", l_bit_bxor},
    {NULL, NULL},
};

const luaL_Reg ush_lib_os[] = {
    {"clock", l_os_clock},
    {"date", l_os_date},
    {"time", l_os_time},
    {NULL, NULL},
};
