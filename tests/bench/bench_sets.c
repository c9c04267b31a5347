/*
 * SPDX-License-Identifier: MIT
 *
 * bench_sets ENTRIES: what a data file of so many entries costs: one line for
 * each kind, with milliseconds to load it, bytes that an entry takes beyond its
 * text, and nanoseconds to look one up (half of those asked for are there, in
 * no order). Processor time, so that a busy machine counts as little as can be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "data/sets.h"

enum { LOOKUPS = 1000000, TEXT = 96 };

static const unsigned char key[USH_SIPHASH_KEY] = "not so random";

struct kind {
	const char *name;
	enum ush_set_kind kind;
	/* Writes the n-th entry; odd numbers are not in the file. */
	void (*write)(char text[TEXT], uint32_t n);
	bool keyed; /* the part up to the blank is looked up */
};

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Numbers that look random, each once. */
static uint32_t
scatter(uint32_t n)
{
	n *= 2654435761u;
	n ^= n >> 15;
	n *= 2246822519u;
	return n ^ n >> 13;
}

static void
write_serial(char text[TEXT], uint32_t n)
{
	snprintf(text, TEXT, "%08x%08x%08x%08x", scatter(n), scatter(n + 1),
	    scatter(n + 2), n);
}

static void
write_pair(char text[TEXT], uint32_t n)
{
	snprintf(text, TEXT, "%08x.example tenant-%u", scatter(n), n % 1000);
}

static void
write_four(char text[TEXT], uint32_t n)
{
	uint32_t ip = scatter(n);

	snprintf(text, TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255,
	    ip >> 8 & 255, ip & 255);
}

static void
write_six(char text[TEXT], uint32_t n)
{
	uint32_t ip = scatter(n);

	snprintf(text, TEXT, "2001:db8:%x:%x::", ip >> 16, ip & 0xffff);
}

/* What is asked for is an address of it. */
static void
write_six_net(char text[TEXT], uint32_t n)
{
	write_six(text, n);
	if (n % 2 == 0)
		strcat(text, "/64");
}

static const struct kind kinds[] = {
    {"set, of 32 hex digits", USH_SET, write_serial, false},
    {"map, of host names", USH_MAP, write_pair, true},
    {"networks, IPv4 addresses", USH_NETWORKS, write_four, false},
    {"networks, IPv6 /64", USH_NETWORKS, write_six_net, false},
};

static int
file_new(const struct kind *kind, uint32_t entries)
{
	FILE *file = tmpfile();
	char text[TEXT];

	if (!file)
		exit(1);
	for (uint32_t i = 0; i < entries; i++) {
		kind->write(text, 2 * i);
		fprintf(file, "%s\n", text);
	}
	if (fflush(file) != 0)
		exit(1);
	return fileno(file); /* open until the program ends */
}

static struct ush_set *
load(const struct kind *kind, int fd, size_t *text_bytes)
{
	struct ush_buffer text = {0};
	struct ush_error err;
	struct ush_set *set;
	struct stat st;
	char why[128];

	lseek(fd, 0, SEEK_SET);
	if (fstat(fd, &st) != 0 ||
	    ush_file_read(fd, &st, SIZE_MAX / 4, &text, why, sizeof why) != 0)
		exit(1);
	*text_bytes = text.len;
	set = ush_set_new(kind->kind, &text, key, "file", &err);
	if (!set) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	return set;
}

/* As a script's call would: with the address as text. */
static bool
look_up(const struct kind *kind, const struct ush_set *set, const char *text)
{
	struct ush_ip ip;

	if (kind->kind != USH_NETWORKS)
		return ush_set_has(
		    set, text, kind->keyed ? strcspn(text, " ") : strlen(text));
	return ush_ip_parse(text, strcspn(text, "/"), &ip) == 0 &&
	       ush_set_covers(set, &ip);
}

/* Nanoseconds for each; all of the texts are made before. */
static double
time_look_ups(const struct kind *kind, const struct ush_set *set,
    uint32_t entries, size_t *found)
{
	char(*texts)[TEXT] = calloc(LOOKUPS, sizeof *texts);
	double start;

	if (!texts)
		exit(1);
	for (uint32_t i = 0; i < LOOKUPS; i++)
		kind->write(texts[i], scatter(i) % (2 * entries));
	*found = 0;
	start = seconds();
	for (int i = 0; i < LOOKUPS; i++)
		*found += look_up(kind, set, texts[i]);
	start = (seconds() - start) / LOOKUPS * 1e9;
	free(texts);
	return start;
}

static void
bench(const struct kind *kind, uint32_t entries)
{
	int fd = file_new(kind, entries);
	size_t text_bytes, bytes, found;
	struct ush_set *set;
	double start, took, ns;

	start = seconds();
	set = load(kind, fd, &text_bytes);
	took = seconds() - start;
	bytes = ush_set_bytes(set);
	if (kind->kind != USH_NETWORKS)
		bytes -= text_bytes; /* of networks none is kept */
	ns = time_look_ups(kind, set, entries, &found);
	printf("%-44s %10.0f %10.1f %10.0f\n", kind->name, took * 1e3,
	    (double)bytes / entries, ns);
	if (found < LOOKUPS / 3 || found > LOOKUPS / 3 * 2)
		fprintf(stderr, "%s: found %zu\n", kind->name, found);
	ush_set_free(set);
}

int
main(int argc, char **argv)
{
	uint32_t entries = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (entries == 0)
		return 2;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		bench(&kinds[i], entries);
	return 0;
}
