/*
 * SPDX-License-Identifier: MIT
 *
 * Recorded facts: the provider of struct ush_facts over a JSON document, with
 * any subset of them:
 *
 *	{"conn": {"server_name": "a.example", "vars": {"tenant": "7"}},
 *	 "ticket": {"status": "success_renew", "auth_age": 60,
 *	            "data": {"sni": "a.example"}}}
 *
 * For generate, "ticket" is the one being made, and "previous" in it the one
 * that was resumed. A string stands for its UTF-8 bytes, {"$hex": "00ff"} for
 * any bytes, and {"$cbor": "a0"} for a table as it lies in a ticket. What
 * follows from other facts need not be written: status and decrypted from each
 * other, ages from times and times from ages.
 */
#ifndef USH_CLI_RECORDED_H
#define USH_CLI_RECORDED_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "facts/facts.h"
#include "tls/vars.h"

enum { USH_RECORDED_VARS = 64 };

struct ush_recorded_block;

struct ush_recorded {
	struct ush_facts facts; /* first */
	bool generate;
	bool has_session; /* decrypt may say use */
	struct ush_fact_value values[USH_FACTS];
	struct ush_vars vars;
	/* What a call did. */
	bool asked[USH_FACTS];
	bool assigned[USH_FACTS]; /* values has what was */
	char *asked_vars[USH_RECORDED_VARS], *set_vars[USH_RECORDED_VARS];
	unsigned int n_asked_vars, n_set_vars;
	/* What the values point to. */
	json_t *document;
	struct ush_recorded_block *blocks;
};

/*
 * Reads a document, which it keeps a reference to. NULL with the reason in
 * `why` ("ticket.agee: there is no such fact; did you mean 'age'?"), which is
 * cut to `cap` bytes. The caller frees it by ush_recorded_free (NULL is fine).
 */
struct ush_recorded *ush_recorded_read(
    json_t *document, bool generate, char *why, size_t cap);
void ush_recorded_free(struct ush_recorded *recorded);

/* The same from a file; `why` begins with its name. */
struct ush_recorded *ush_recorded_read_file(
    const char *path, bool generate, char *why, size_t cap);

/* The call succeeded: what it assigned to conn.vars counts. */
void ush_recorded_commit(struct ush_recorded *recorded);

/* For recorded_read.c: an empty one that holds the document. */
void ush_recorded_init(
    struct ush_recorded *recorded, json_t *document, bool generate);

/* Memory that goes with it; NULL if there is none left. */
void *ush_recorded_alloc(struct ush_recorded *recorded, size_t size);

/* A string, or {"$hex": ...}, as bytes. -1 if it is neither. */
int ush_recorded_bytes(
    struct ush_recorded *recorded, const json_t *json, struct ush_bytes *bytes);

/* A value as the CBOR that a ticket has of it. -1 with the reason, which
 * begins with `path`, in `why`. */
int ush_recorded_data(struct ush_recorded *recorded, const json_t *json,
    const char *path, struct ush_bytes *cbor, char *why, size_t cap);

#endif
