/*
 * SPDX-License-Identifier: MIT
 *
 * How often which reason was given: a small table of hashes in shared memory,
 * in which a reason has its place from the first time on. Counted is in the
 * thread's shard, at the number of the place.
 *
 * A place is claimed by writing the hash to it, once and for all; the text
 * follows. Whoever finds a hash without a text writes the same text there, so
 * that a process that dies in between costs nothing. Two texts of one hash
 * would be counted as one; the hash is seeded, so that nobody can look for
 * some. A place more than there should be is given to nobody: `claimed` is
 * raised first, and lowered again by who does not get one.
 *
 * What is counted is the text as it will be shown, cut and with a "?" for each
 * byte that can't be: texts that look the same are the same, or a list would
 * have one twice, which no reader takes. What comes out of the memory that
 * others can write to is treated likewise.
 */
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "data/stats.h"

enum { WORDS = USH_REASON_BYTES / sizeof(uint64_t) };

/* A reason, padded by zeros to whole words. */
struct words {
	uint64_t w[WORDS];
	unsigned int n;
};

#define EACH_BYTE(byte) (0x0101010101010101 * (byte))

/* Is none of its bytes a control character, or beyond ASCII? */
static bool
is_plain(uint64_t word)
{
	uint64_t no_control = (word - EACH_BYTE(0x20ull)) & ~word;
	uint64_t del = word ^ EACH_BYTE(0x7Full);
	uint64_t no_del = (del - EACH_BYTE(1ull)) & ~del;

	return ((word | no_control | no_del) & EACH_BYTE(0x80ull)) == 0;
}

static bool
are_plain(const struct words *words, size_t len)
{
	uint64_t last = EACH_BYTE((uint64_t)' ');

	for (unsigned int i = 0; i + 1 < words->n; i++)
		if (!is_plain(words->w[i]))
			return false;
	memcpy(&last, &words->w[words->n - 1], len % sizeof last);
	return is_plain(last);
}

/* What can be shown of a text; no character is cut in its middle. */
static void
clean(char out[USH_REASON_BYTES], const char *text)
{
	size_t left = strnlen(text, USH_REASON_BYTES + 3), at = 0, n;
	bool shown;
	const unsigned char *p = (const unsigned char *)text;

	for (; left > 0; left -= n, p += n) {
		shown = ush_utf8_is_shown(p, left, &n);
		if (at + (shown ? n : 1) > USH_REASON_BYTES - 1)
			break;
		if (!shown) {
			out[at++] = '?';
			continue;
		}
		memcpy(out + at, p, n);
		at += n;
	}
	out[at] = '\0';
}

static void
words_fill(struct words *words, const char *text)
{
	size_t len = strnlen(text, USH_REASON_BYTES - 1);
	char cleaned[USH_REASON_BYTES];

	words->n = (unsigned int)(len / sizeof(uint64_t)) + 1;
	words->w[words->n - 1] = 0;
	memcpy(words->w, text, len);
	if (are_plain(words, len))
		return;
	clean(cleaned, text);
	len = strlen(cleaned);
	words->n = (unsigned int)(len / sizeof(uint64_t)) + 1;
	words->w[words->n - 1] = 0;
	memcpy(words->w, cleaned, len);
}

/* Never 0. */
static uint64_t
words_hash(const struct words *words, uint64_t seed)
{
	uint64_t h = seed;

	for (unsigned int i = 0; i < words->n; i++) {
		h = (h ^ words->w[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	h *= 0xbf58476d1ce4e5b9;
	h ^= h >> 32;
	return h | 1;
}

static void
write_text(
    struct ush_stats_reasons *r, uint32_t place, const struct words *words)
{
	for (unsigned int i = 0; i < words->n; i++)
		atomic_store_explicit(
		    &r->texts[place][i], words->w[i], memory_order_relaxed);
	atomic_store_explicit(&r->ready[place], 1, memory_order_release);
}

/* The place becomes this hash's, unless it is another's already. Returns whose
 * it is now; 0 if there are too many. */
static uint64_t
claim(struct ush_stats_reasons *r, uint32_t place, uint64_t hash)
{
	uint64_t owner = 0;

	if (atomic_load_explicit(&r->claimed, memory_order_relaxed) >=
	    USH_REASONS)
		return 0;
	if (atomic_fetch_add(&r->claimed, 1) < USH_REASONS &&
	    atomic_compare_exchange_strong(&r->hashes[place], &owner, hash))
		return hash;
	atomic_fetch_sub(&r->claimed, 1);
	return owner;
}

/* USH_REASON_PLACES: among the others. */
static uint32_t
find_place(struct ush_stats_reasons *r, const struct words *words)
{
	uint64_t hash = words_hash(words, r->seed), owner;
	uint32_t place = (uint32_t)(hash >> 32), i;

	for (i = 0; i < USH_REASON_PLACES; i++, place++) {
		place %= USH_REASON_PLACES;
		owner = atomic_load_explicit(
		    &r->hashes[place], memory_order_relaxed);
		if (owner == 0)
			owner = claim(r, place, hash);
		if (owner == 0)
			break;
		if (owner != hash)
			continue;
		if (atomic_load_explicit(
			&r->ready[place], memory_order_relaxed) == 0)
			write_text(r, place, words);
		return place;
	}
	return USH_REASON_PLACES;
}

void
ush_stats_count_reason(
    struct ush_stats *stats, unsigned int shard, const char *reason)
{
	struct words words;
	uint32_t place;

	words_fill(&words, reason);
	place = find_place(&stats->reasons, &words);
	atomic_fetch_add_explicit(
	    &stats->shards[shard % USH_STATS_SHARDS].reasons[place], 1,
	    memory_order_relaxed);
}

static uint64_t
sum(const struct ush_stats *stats, uint32_t place)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < USH_STATS_SHARDS; i++)
		n += atomic_load_explicit(
		    &stats->shards[i].reasons[place], memory_order_relaxed);
	return n;
}

/* Adds what a place counts to the list, which has n, unless its text is there
 * already. Returns how many there are then. */
static unsigned int
list_one(struct ush_stats_reason *list, unsigned int n, const char *text,
    uint64_t count)
{
	unsigned int i = 0;

	clean(list[n].text, text);
	while (i < n && strcmp(list[i].text, list[n].text) != 0)
		i++;
	if (i == n)
		list[n++].count = 0;
	list[i].count += count;
	return n;
}

unsigned int
ush_stats_list_reasons(const struct ush_stats *stats,
    struct ush_stats_reason list[USH_REASONS], uint64_t *others)
{
	const struct ush_stats_reasons *r = &stats->reasons;
	uint64_t words[WORDS + 1];
	unsigned int n = 0;

	for (uint32_t place = 0; place < USH_REASON_PLACES && n < USH_REASONS;
	     place++) {
		if (atomic_load_explicit(
			&r->ready[place], memory_order_acquire) == 0)
			continue;
		for (unsigned int i = 0; i < WORDS; i++)
			words[i] = atomic_load_explicit(
			    &r->texts[place][i], memory_order_relaxed);
		words[WORDS] = 0;
		n = list_one(list, n, (const char *)words, sum(stats, place));
	}
	*others = sum(stats, USH_REASON_PLACES);
	return n;
}
