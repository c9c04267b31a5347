/*
 * SPDX-License-Identifier: MIT
 *
 * The grammar is a table. In a production, "$" and a letter stand for one of
 * that letter's productions; "$x" for a string of some of the input's bytes.
 * The first production of each letter ends the recursion: it is taken where
 * the input is at its end, or the script is deep or long enough.
 */
#include "grammar.h"

#include <string.h>

#include "must.h"

enum {
	DEPTH_MAX = 14,
	SCRIPT_MAX = 12000,
	BYTES_MAX = 24, /* of a string */
};

#define LOCALS "local a, b, c, d, e = 1, 'b', {}, {3, 1, 2}, nil\n"
#define TOP "local conn, ticket = {}, {}\npcall(function() $B end)\n"
#define DECRYPT \
	"decrypt = function(conn, ticket)\n" \
	"if conn.id == 'healthy' then return 'ignore', 'well' end\n" \
	"pcall(function() $B end)\n$B $r\nend"
#define GENERATE \
	"generate = function(conn, ticket)\n" \
	"pcall(function() $B end)\n$B $g\nend"

static const char *const policies[] = {LOCALS "return {" DECRYPT ", " GENERATE
					      "}\n",
    LOCALS TOP "$B return { name = 'fuzz', " DECRYPT ", " GENERATE "}\n",
    LOCALS TOP "return {" DECRYPT ", " GENERATE ",\n"
	       "selftest = function()\n$B\nend }\n",
    NULL};
static const char *const blocks[] = {
    "", "$S\n", "$S\n$S\n", "$S\n$B", "$S\n$S\n$B", NULL};
static const char *const statements[] = {"$V = $E;",
    "pcall(function(...) $B end);", "pcall(function(...) $S $S end);",
    "$V = $F;", "$V = $T;", "$V = $C;", "local _ = $C;", "$V, $V = $E, $E;",
    "$V[$E] = $E;", "$V.$k = $E;", "print($E, $E);",
    "if $E then $B else $B end;", "while $E do $B end;",
    "while true do $B end;", "repeat $B until $E;", "for i = $N, $N do $B end;",
    "for i = 1, $N, $N do $V = i; $B end;",
    "for k, v in pairs($V) do $V = v; $V = k; $B end;",
    "for k, v in ipairs($T) do $V = v; $B end;",
    "for k, v in $E, $E, $E do $B end;",
    "for k, v in next, $V do $V[k] = $E; end;",
    "for w in string.gmatch($Q, $P) do $V = w; $B end;", "do $B end;",
    "while true do $B break end;", "do return $E end;",
    "do return ($F)($E) end;", "error($E, $N);",
    "do goto over; do $B end ::over:: end;",
    "do ::again:: ($F)($E); if $E then goto again end end;",
    "local function f(x, ...) $B return f(x, ...) end; $V = f;",
    "local function f(x) $B return $E end; f($E);",
    "local function f(x) $B f(x); f(x); end; f($E);", "pcall($F, $E);",
    "xpcall($F, $F);", "while true do pcall($F) end;",
    "setmetatable($T, { $m = $F, $m = $F });",
    "$V = setmetatable($T, { $m = $F });",
    "setmetatable($V, { __index = $V, __newindex = $V });",
    "setmetatable($V, { $m = $F, __metatable = $E });", "conn.vars.$k = $E;",
    "conn.$h = $E;", "ticket.$i = $E;", "table.insert($V, $E);",
    "$V[#$V + 1] = $E;", "$V = $V .. $V;",
    "for i = 1, 40 do $V = $V .. $V end;", "rawset($V, $E, $E);", "$k = $E;",
    NULL};
static const char *const expressions[] = {"nil", "$V", "$N", "$Q", "$C", "$F",
    "$T", "$V", "true", "false", "$A", "$A", "$A", "$A", "($E)", "($E $o $E)",
    "($E $o $E)", "($E .. $E)", "- $E", "not $E", "#$V", "$V[$E]", "$V.$k",
    "$V:$k($E)", "$V($E)", "pcall($F, $E)", "select(2, pcall($F, $E))",
    "select(2, xpcall($F, $F))", "select('#', $C)", "($F)($E, $E)",
    "setmetatable($T, { $m = $F })", "setmetatable({}, { $m = $V })", "$L",
    "$L.$k", "getmetatable($E)", "($E and $E or $E)", "$C == $C", NULL};
static const char *const variables[] = {
    "a", "b", "c", "d", "e", "conn", "ticket", "c", "d", NULL};
static const char *const numbers[] = {"1", "0", "-1", "2", "3", "7", "10",
    "100", "255", "1000", "100000", "1e8", "2^31", "-2^31", "2^32", "2^53",
    "1e300", "-1e300", "math.huge", "-math.huge", "(0/0)", "0.5", "-0", "2^63",
    "#$Q", NULL};
static const char *const strings[] = {"''", "'a'", "'b'", "$x", "$x", "$x",
    "('a'):rep($N)", "('ab'):rep($N, $Q)", "'healthy'", "'use'", "'__index'",
    "'%d %s %q'", "'%5.2f|%-10s|%g'", "'%c%i%u%e'", "'%s%s%s%s'", "'%99d'",
    "'%.99s'", "'%p'", "'!%c %Y'", "'*t'", "tostring($E)", "($Q .. $Q)",
    "'use\\0'", "'\\27[31m\\n\\r\\127'", NULL};
static const char *const patterns[] = {"'.'", "'.-b'", "'a*b'", "'(a*)(.-)%1'",
    "'%b()'", "'%f[%w]%w+'", "'^(.-)\\36'", "'()'", "'[^%s]-\\36'", "'%1'",
    "'('", "'[a'", "'%'", "('a?'):rep(24) .. ('a'):rep(24)",
    "'^.-%..-%..-%..-%..-%.e\\36'", "('.-'):rep(20) .. 'x'",
    "('(.-)'):rep(32) .. 'b'", "('('):rep(33)", "$x", "$x", "$x", "$Q", NULL};
static const char *const functions[] = {"function() end",
    "function(x) return x end", "function(...) return ... end",
    "function(x, y) return x < y end", "function(x, y) return $E end",
    "function(x, y) return not (x < y) end", "function(x) $B end",
    "function(x) $B return $E, $E end", "function(...) $B return $E end",
    "function(x) while true do end end", "function(x) return pcall($F, x) end",
    "function(x) error($E) end", "function(x) error($T) end", "$V", "$L.$k",
    "print", "pcall", "error", "tostring", "next", "assert", "setmetatable",
    "string.gsub", "table.sort", "string.rep", "table.concat", "string.format",
    "function(x) return $C end", "function(x) return tostring(x) end",
    "function(x) return xpcall($F, $F) end", NULL};
static const char *const tables[] = {"{}", "{$E}", "{$E, $E, $E}", "{$k = $E}",
    "{$k = $E, $k = $T}", "{[$E] = $E}", "{3, 1, 2}", "{'b', 'a', 'c'}",
    "{$T, $T}", "{$C}", "{unpack($V)}", "$V", "{[1e7] = 1, $E}",
    "{n = $N, $E, [$N] = $Q}", NULL};
static const char *const calls[] = {"type($E)", "string.find($Q, $P)",
    "string.match($Q, $P, $N)", "string.gsub($Q, $P, $E)",
    "string.gsub($Q, $P, $F)", "string.gsub($Q, $P, $T, $N)",
    "string.gmatch($Q, $P)", "string.gmatch($Q, $P)()",
    "string.find($Q, $Q, $N, true)", "string.format($Q, $E, $E)",
    "string.format($Q, $N, $E, $N, $E)", "string.format($x, $E)",
    "string.rep($Q, $N)", "string.rep($Q, $N, $Q)", "string.sub($Q, $N, $N)",
    "string.byte($Q, $N, $N)", "string.char($N, $N)", "string.lower($Q)",
    "string.upper($Q)", "string.reverse($Q)", "string.len($Q)",
    "($Q):rep($N):find($P)", "($Q):$k($E)", "table.concat($T, $Q)",
    "table.concat($T, $Q, $N, $N)", "table.sort($T)", "table.sort($T, $F)",
    "table.insert($T, $E)", "table.insert($V, $N, $E)", "table.remove($V)",
    "table.remove($T, $N)", "table.move($T, $N, $N, $N)",
    "table.move($T, $N, $N, $N, $V)", "table.maxn($T)", "unpack($T)",
    "unpack($T, $N, $N)", "select($N, $E, $E)", "select($N, unpack($T))",
    "tostring($E)", "tonumber($E)", "tonumber($Q, $N)", "next($T)",
    "next($V, $E)", "rawget($V, $E)", "rawset($T, $E, $E)", "rawequal($E, $E)",
    "getmetatable($E)", "setmetatable($V, $T)", "assert($E, $E)", "error($E)",
    "pcall($F, $E, $E)", "pcall(pcall, pcall, $F)", "xpcall($F, $F)",
    "xpcall($F, $F, $E)", "math.random($N)", "math.random($N, $N)",
    "math.floor($N)", "math.max($N, $E)", "math.min(unpack($T))",
    "math.fmod($N, $N)", "math.ldexp($N, $N)", "math.frexp($N)",
    "math.modf($N)", "bit.band($N, $E)", "bit.bxor(unpack($T))",
    "bit.lshift($N, $N)", "bit.tohex($N)", "bit.bswap($N)", "os.time()",
    "os.time($T)", "os.date($Q)", "os.date($Q, $N)", "os.clock()", "$L.$k($E)",
    "($F)($E)", "ipairs($T)", "pairs($E)", "math.randomseed($N)",
    "os.time({year = $N, month = $N, day = $N})", NULL};
static const char *const facts[] = {"conn.server_name", "conn.$h", "conn.$h",
    "ticket.$i", "ticket.$i", "conn.vars.$k", "conn.vars", "ticket.data",
    "ticket.previous", "conn.hello", "conn.hello.ciphers",
    "conn.client_cert.subject", "ticket.data.$k", "conn.alpn_offered",
    "conn.alpn_offered[$N]", "conn[$E]", "ticket[$E]", NULL};
static const char *const conn_names[] = {"version", "server_name", "cipher",
    "group", "alpn", "alpn_offered", "resumed", "early_data", "peer_address",
    "peer_port", "transport", "client_cert", "num_tickets", "hello", "id",
    "vars", "nonsense", NULL};
static const char *const ticket_names[] = {"status", "decrypted", "key_name",
    "app_data", "data", "id", "policy", "auth_time", "auth_age", "renewals",
    "timeout", "session_id", "client_cert", "index", "previous", "nonsense",
    NULL};
static const char *const keys[] = {"k", "n", "a", "list", "f", "rep", "gsub",
    "find", "__index", "sort", "insert", NULL};
static const char *const methods[] = {"__index", "__newindex", "__call",
    "__concat", "__eq", "__lt", "__le", "__add", "__unm", "__len", "__tostring",
    "__gc", "__mode", "__metatable", "__pairs", NULL};
static const char *const operators[] = {"==", "~=", "<", "<=", ">", ">=", "+",
    "-", "*", "/", "%", "^", "and", "or", NULL};
static const char *const libraries[] = {"string", "table", "math", "os", "bit",
    "coroutine", "debug", "ffi", "_G", NULL};
static const char *const verdicts[] = {"return 'default'",
    "return 'ignore_renew', $E", "return 'use', $Q", "return 'abort'",
    "return $E", "return $E, $E", "return $T", "return $C",
    "return ({ignore = 'ignore'})[$E]", "", NULL};
static const char *const contents[] = {"return nil", "return $T", "return $T",
    "return {list = {1, 2, $T}}", "return $E", "return $Q", "return $Q",
    "return false, $E", "local t = {} t.t = t return t", "return $V, $V",
    "local t = {} for i = 1, 100 do t = {t} end return t",
    "return {k = ticket, $E}", "return {k = $Q, n = $N, f = $F}", NULL};

static const struct {
	char letter;
	const char *const *productions;
} letters[] = {
    {'B', blocks},
    {'S', statements},
    {'E', expressions},
    {'V', variables},
    {'N', numbers},
    {'Q', strings},
    {'P', patterns},
    {'F', functions},
    {'T', tables},
    {'C', calls},
    {'A', facts},
    {'h', conn_names},
    {'i', ticket_names},
    {'k', keys},
    {'m', methods},
    {'o', operators},
    {'L', libraries},
    {'r', verdicts},
    {'g', contents},
};

struct writer {
	struct ush_buffer *script;
	const uint8_t *at, *end;
	int depth;
};

/* What strings and patterns are made of; mostly what means something. */
static const char alphabet[64 + 1] =
    "%%%%%%....**++--??[[]]^^$$(())aaabbcdfglpsuwez0123,: /_ABZ\"'\\\n\0\xff";

static void
put(struct writer *w, const char *text, size_t len)
{
	must(ush_buffer_put(w->script, text, len) == 0, "memory");
}

static uint8_t
next_byte(struct writer *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

/* A string in quotes: a length, and as many bytes of the alphabet. */
static void
put_bytes(struct writer *w)
{
	size_t n = next_byte(w) % BYTES_MAX;
	unsigned char c;

	put(w, "'", 1);
	for (; n > 0; n--) {
		c = (unsigned char)alphabet[next_byte(w) % 64];
		must(ush_buffer_printf(w->script, "\\%03d", c) == 0, "memory");
	}
	put(w, "'", 1);
}

static const char *
choose(struct writer *w, const char *const *productions)
{
	size_t n = 0;

	if (w->at == w->end || w->depth > DEPTH_MAX ||
	    w->script->len > SCRIPT_MAX)
		return productions[0];
	while (productions[n])
		n++;
	return productions[next_byte(w) % n];
}

static const char *const *
productions_of(char letter)
{
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (letters[i].letter == letter)
			return letters[i].productions;
	must(false, "no such letter");
	return NULL;
}

static void
expand(struct writer *w, const char *production)
{
	const char *dollar;

	w->depth++;
	for (; (dollar = strchr(production, '$')); production = dollar + 2) {
		put(w, production, (size_t)(dollar - production));
		if (dollar[1] == 'x')
			put_bytes(w);
		else
			expand(w, choose(w, productions_of(dollar[1])));
	}
	put(w, production, strlen(production));
	w->depth--;
}

void
grammar_write(struct ush_buffer *script, const uint8_t *choices, size_t size)
{
	struct writer w = {script, choices, choices + size, 0};

	expand(&w, choose(&w, policies));
}
