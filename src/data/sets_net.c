/*
 * SPDX-License-Identifier: MIT
 *
 * Networks. Two networks never overlap in part: one lies within the other, or
 * they have nothing in common. So those that lie within others are left out,
 * the rest is sorted by first address, and whether an address is covered shows
 * at the last network that begins at or before it. 17 bytes a network.
 *
 * It is searched for by halving, at first among every 32nd of them, which lie
 * together: most steps then stay in the processor's cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sets_own.h"

enum { SAMPLE = 32 };

/* By address, the larger of two that begin alike first. */
static int
compare(const void *a, const void *b)
{
	const struct ush_net *x = a, *y = b;
	int order = ush_ip_compare(&x->ip, &y->ip);

	if (order != 0)
		return order;
	return x->bits < y->bits ? -1 : x->bits > y->bits;
}

/* Leaves out what lies within another: after sorting, within one before it.
 * Returns how many are left. */
static size_t
leave_out(struct ush_net *nets, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !ush_net_has(&nets[kept - 1], &nets[i].ip))
			nets[kept++] = nets[i];
	return kept;
}

static int
fail_line(struct ush_set_lines *lines, const char *p, size_t len, char *why)
{
	char text[64 + 200];

	snprintf(text, sizeof text, "'%.*s%s' %s", len > 48 ? 45 : (int)len, p,
	    len > 48 ? "..." : "", why);
	return ush_set_fail(lines, text);
}

/* The number of networks, or -1 with an error. */
static long
read_nets(struct ush_set_lines *lines, struct ush_net *nets)
{
	char *p, why[200];
	size_t len;
	long n = 0;
	int more;

	while ((more = ush_set_line(lines, &p, &len)) == 1)
		if (ush_net_parse(p, len, &nets[n], why, sizeof why) == 0)
			n++;
		else if (fail_line(lines, p, len, why) != 0)
			return -1;
	return more == 0 ? n : -1;
}

/* Copies the networks of one family into their list. */
static int
list_new(struct ush_set *set, bool six, const struct ush_net *nets, size_t n)
{
	struct ush_set_nets *list = &set->nets[six];

	if (n == 0)
		return 0;
	list->n = n;
	list->samples = (n + SAMPLE - 1) / SAMPLE;
	list->first = malloc(n * sizeof *list->first);
	list->sample = malloc(list->samples * sizeof *list->sample);
	list->bits = malloc(n);
	if (!list->first || !list->sample || !list->bits)
		return -1;
	for (size_t i = 0; i < n; i++) {
		list->first[i].high = nets[i].ip.high;
		list->first[i].low = nets[i].ip.low;
		list->bits[i] = (uint8_t)nets[i].bits;
		if (i % SAMPLE == 0)
			list->sample[i / SAMPLE] = list->first[i];
	}
	set->count += n;
	set->bytes += n * (sizeof *list->first + 1);
	set->bytes += list->samples * sizeof *list->sample;
	return 0;
}

int
ush_set_fill_nets(struct ush_set *set, struct ush_set_lines *lines)
{
	struct ush_net *nets = calloc(ush_set_lines_left(lines), sizeof *nets);
	size_t four = 0, all;
	int result = -1;
	long n;

	if (!nets)
		goto no_memory;
	n = read_nets(lines, nets);
	if (n < 0)
		goto done;
	qsort(nets, (size_t)n, sizeof *nets, compare);
	all = leave_out(nets, (size_t)n);
	while (four < all && !nets[four].ip.six)
		four++;
	result = list_new(set, false, nets, four);
	if (result == 0)
		result = list_new(set, true, nets + four, all - four);
	if (result == 0)
		goto done;
no_memory:
	ush_error_set(
	    lines->err, USH_ERROR_SYSTEM, lines->label, 0, "out of memory");
done:
	free(nets);
	return result;
}

/* How many of n begin at or before the address. */
static size_t
count_up_to(
    const struct ush_set_first *first, size_t n, const struct ush_ip *ip)
{
	size_t low = 0, half;

	while (n > 0) {
		half = n / 2;
		if (first[low + half].high < ip->high ||
		    (first[low + half].high == ip->high &&
			first[low + half].low <= ip->low)) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

/* The last network that begins at or before the address; false if all begin
 * after it. */
static bool
find(const struct ush_set_nets *list, const struct ush_ip *ip, size_t *at)
{
	size_t i = count_up_to(list->sample, list->samples, ip), left;

	if (i == 0)
		return false;
	i = (i - 1) * SAMPLE;
	left = list->n - i;
	*at = i - 1 +
	      count_up_to(list->first + i, left < SAMPLE ? left : SAMPLE, ip);
	return true;
}

bool
ush_set_covers(const struct ush_set *set, const struct ush_ip *ip)
{
	const struct ush_set_nets *list = &set->nets[ip->six];
	struct ush_net net;
	size_t i;

	if (!find(list, ip, &i))
		return false;
	net.ip.high = list->first[i].high;
	net.ip.low = list->first[i].low;
	net.ip.six = ip->six;
	net.bits = list->bits[i];
	return ush_net_has(&net, ip);
}
