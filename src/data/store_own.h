/*
 * SPDX-License-Identifier: MIT
 *
 * What the files of the store share: an operation as a value, and a store's
 * memory.
 */
#ifndef USH_DATA_STORE_OWN_H
#define USH_DATA_STORE_OWN_H

#include "data/store.h"

struct ush_store_op {
	enum ush_store_what {
		USH_STORE_GET,
		USH_STORE_SET,
		USH_STORE_ADD,
		USH_STORE_INCR,
		USH_STORE_DELETE,
	} what;
	struct ush_store_key key;
	struct ush_store_value value; /* SET, ADD; GET: out; INCR: by and sum */
	bool has_from;                /* INCR */
	int64_t from;
	uint64_t ttl;
	void *room;       /* GET */
	uint64_t expires; /* GET: out */
	bool peek;        /* GET: leaves no trace */
};

/* Does it to the store itself. Lengths have been looked at. */
enum ush_store_result ush_store_operate(
    const struct ush_store_view *view, struct ush_store_op *op);

/* Does it to the overlay of the view. */
enum ush_store_result ush_store_overlay_operate(
    const struct ush_store_view *view, struct ush_store_op *op);

/* An INCR where `there` is, or nothing (NULL): puts the sum into op->value.
 * *anew: the time to live begins with it. Or USH_STORE_TYPE, USH_STORE_RANGE;
 * op->value is as it was then. */
enum ush_store_result ush_store_add_up(
    struct ush_store_op *op, const struct ush_store_value *there, bool *anew);

/* At the beginning of a store's memory; a caller trusts it only in that the
 * numbers are those that it expects. */
struct ush_store_header {
	char magic[8];
	uint32_t layout;
	uint32_t head_size;
	uint64_t size;
	unsigned char secret[USH_SIPHASH_KEY];
	_Atomic uint32_t ready; /* written last */
};

struct ush_store {
	unsigned char *base;
	size_t size;
	uint32_t n_shards; /* a power of two */
	uint32_t n_buckets, n_blocks;
	size_t start, stride; /* of the shards' buckets and blocks */
	unsigned char secret[USH_SIPHASH_KEY];
};

/* The size that `size` bytes come to: whole pages. */
size_t ush_store_round(size_t size);

/* What the header of a whole store of this size says, but for the secret. */
void ush_store_header_fill(struct ush_store_header *header, size_t size);

/* Makes the shards in zeroed memory, with `ready` as the last thing. 0, or an
 * errno. */
int ush_store_format(void *base, size_t size);

/* Maps the named store, made if need be. 0, or -1 with *err filled. */
int ush_store_map_named(const char *name, size_t size, unsigned char **base,
    size_t *mapped, struct ush_error *err);

#endif
