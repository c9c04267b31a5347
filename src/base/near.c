/*
 * SPDX-License-Identifier: MIT
 *
 * The distance is the restricted Damerau-Levenshtein one (optimal string
 * alignment): three rows of the usual table are enough for it.
 */
#include "base/near.h"

#include <string.h>

enum { MAX = 63 };

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ASCII only, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Fills the row of a[i - 1] from the two before it. */
static void
fill_row(const char *a, size_t i, const char *b, size_t b_len,
    size_t rows[3][MAX + 1])
{
	const size_t *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
	size_t *row = rows[i % 3];
	size_t j, cost;

	row[0] = i;
	for (j = 1; j <= b_len; j++) {
		cost = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
		row[j] =
		    least(least(above[j], row[j - 1]) + 1, above[j - 1] + cost);
		if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
		    lower(a[i - 2]) == lower(b[j - 1]))
			row[j] = least(row[j], before[j - 2] + 1);
	}
}

static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][MAX + 1];
	size_t i;

	for (i = 0; i <= b_len; i++)
		rows[0][i] = i;
	for (i = 1; i <= a_len; i++)
		fill_row(a, i, b, b_len, rows);
	return rows[a_len % 3][b_len];
}

const char *
ush_near(const char *name, const char *const *names, size_t n)
{
	size_t len = strlen(name), limit, i, other, d;
	const char *best = NULL;

	if (len > MAX)
		return NULL;
	/* One more than may be changed: short names are all near each other. */
	limit = least((len + 2) / 3, 3) + 1;
	for (i = 0; i < n; i++) {
		other = names[i] ? strlen(names[i]) : MAX + 1;
		if (other > MAX)
			continue;
		d = distance(name, len, names[i], other);
		if (d < limit && d < other) {
			best = names[i];
			limit = d;
		}
	}
	return best;
}
