/*
 * SPDX-License-Identifier: MIT
 *
 * Two things that LuaJIT's parser does are kept from it.
 *
 * A number like 1LL makes the lexer open the FFI library, also where nothing
 * else opens it; what nobody refers to is then collected, and the state closed
 * over freed memory. So sources are looked through for such numbers before. It
 * takes no more than to know where numbers begin: outside of strings, comments
 * and names. Chains of jumps (a or a or a ...) take quadratic time. So the
 * source is handed over in pieces, with a look at the clock before each.
 */
#include "sandbox/chunk.h"

#include <string.h>

#include <lauxlib.h>

enum {
	PIECE = 1024, /* bytes between two looks at the clock */
	CPU_NS_MAX = 1000000000,
};

/* Where we are in a source. */
struct scan {
	const char *p, *end;
	int line;
};

/* The character n further on; NUL at the end, which may be a NUL as well. */
static char
peek(const struct scan *s, size_t n)
{
	return n < (size_t)(s->end - s->p) ? s->p[n] : '\0';
}

static void
skip(struct scan *s, size_t n)
{
	while (n-- > 0 && s->p < s->end)
		s->line += *s->p++ == '\n';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_name(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static void
skip_line(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n' && *s->p != '\r')
		s->p++;
}

/* The number of '=' between two brackets, the first of which is at p; -1 if
 * these are no two brackets. */
static long
bracket_level(const struct scan *s)
{
	size_t n = 1;

	while (peek(s, n) == '=')
		n++;
	return peek(s, n) == *s->p ? (long)n - 1 : -1;
}

/* Behind what [[ or [=[ begins. */
static void
skip_long(struct scan *s, long level)
{
	skip(s, (size_t)level + 2);
	while (s->p < s->end) {
		if (*s->p == ']' && bracket_level(s) == level) {
			skip(s, (size_t)level + 2);
			return;
		}
		skip(s, 1);
	}
}

static void
skip_comment(struct scan *s)
{
	long level = -1;

	skip(s, 2);
	if (peek(s, 0) == '[')
		level = bracket_level(s);
	if (level >= 0)
		skip_long(s, level);
	else
		skip_line(s);
}

/* In quotes. A string that a line's end breaks off is no Lua. */
static void
skip_string(struct scan *s)
{
	char quote = *s->p;

	skip(s, 1);
	while (s->p < s->end && *s->p != quote)
		skip(s, *s->p == '\\' ? 2 : 1);
	skip(s, 1);
}

/* Behind a number, as far as the lexer takes it for one. Does it contain a
 * letter of the suffixes LL, ULL and i? No other number does. */
static bool
skip_number(struct scan *s)
{
	bool found = false;
	char exponent = 'e', last = '0';

	if (*s->p == '0' && (peek(s, 1) | 0x20) == 'x')
		exponent = 'p';
	for (; s->p < s->end; s->p++) {
		char c = *s->p;

		if (!is_name(c) && c != '.' &&
		    !((c == '-' || c == '+') && (last | 0x20) == exponent))
			break;
		found = found || (c != '\0' && strchr("iIlLuU", c));
		last = c;
	}
	return found;
}

static void
skip_name(struct scan *s)
{
	while (s->p < s->end && is_name(*s->p))
		s->p++;
}

/* Behind one token or character. True if it is a number as above. */
static bool
skip_token(struct scan *s)
{
	char c = *s->p, next = peek(s, 1);

	if (is_digit(c) || (c == '.' && is_digit(next)))
		return skip_number(s);
	if (is_name(c))
		skip_name(s);
	else if (c == '-' && next == '-')
		skip_comment(s);
	else if (c == '"' || c == '\'')
		skip_string(s);
	else if (c == '[' && bracket_level(s) >= 0)
		skip_long(s, bracket_level(s));
	else
		skip(s, c == '.' && next == '.' ? 2 : 1);
	return false;
}

int
ush_chunk_find_cdata(const char *text, size_t len)
{
	struct scan s = {text, text + len, 1};

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		s.p += 3;
	if (peek(&s, 0) == '#')
		skip_line(&s);
	while (s.p < s.end) {
		if (skip_token(&s))
			return s.line;
	}
	return 0;
}

/* What the reader needs. */
struct feed {
	struct ush_chunk *chunk;
	size_t done;
	uint64_t start;
};

/* A lua_Reader. */
static const char *
next_piece(lua_State *L, void *arg, size_t *len)
{
	struct feed *feed = arg;
	struct ush_chunk *chunk = feed->chunk;
	const char *piece = chunk->text + feed->done;

	if (chunk->cpu() - feed->start > CPU_NS_MAX) {
		chunk->late = true;
		luaL_error(L, "compiling takes longer than a second");
	}
	*len = chunk->len - feed->done;
	if (*len > PIECE)
		*len = PIECE;
	feed->done += *len;
	return *len > 0 ? piece : NULL;
}

void
ush_chunk_load(lua_State *L, struct ush_chunk *chunk)
{
	struct feed feed = {chunk, 0, chunk->cpu()};
	int line = ush_chunk_find_cdata(chunk->text, chunk->len);

	chunk->late = false;
	if (line != 0)
		luaL_error(L,
		    "%s:%d: 64-bit and imaginary numbers (1LL, 1ULL, 1i) are "
		    "not in the sandbox",
		    chunk->name + 1, line);
	if (lua_loadx(L, next_piece, &feed, chunk->name, "t") != 0)
		lua_error(L);
}
