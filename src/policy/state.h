/*
 * SPDX-License-Identifier: MIT
 *
 * A state: one sandboxed Lua state in which a generation's script has run its
 * top level, ready for calls of `decrypt` and `generate`. Used by one thread
 * at a time, never entered twice (the pool sees to both).
 */
#ifndef USH_POLICY_STATE_H
#define USH_POLICY_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "data/cbor.h"
#include "facts/facts.h"
#include "facts/objects.h"
#include "lib/host.h"
#include "policy/generation.h"
#include "sandbox/box.h"

struct ush_slot;
struct ush_requiring;

struct ush_state {
	struct ush_box *box;
	struct ush_generation *generation;
	struct ush_objects *objects; /* the box's */
	unsigned char *buffer;       /* limits.app_data bytes, for the caller */
	unsigned int forks;          /* the process it was made in */
	struct ush_lib_host lib;     /* what usher.* need of us */
	struct ush_requiring
	    *requiring; /* the module that runs its top level */
	bool ready;     /* set up: what runs now is a call in a handshake */
	struct ush_store_view store; /* see policy/storage.h */
};

/* What decrypt can answer; the order is the table's in the manual. */
enum ush_verdict {
	USH_VERDICT_DEFAULT,
	USH_VERDICT_USE,
	USH_VERDICT_USE_RENEW,
	USH_VERDICT_IGNORE,
	USH_VERDICT_IGNORE_RENEW,
	USH_VERDICT_ABORT,
};
const char *ush_verdict_name(enum ush_verdict verdict);

/* What generate can answer. */
enum ush_content {
	USH_CONTENT_NOTHING,
	USH_CONTENT_TABLE,
	USH_CONTENT_STRING,
	USH_CONTENT_END, /* false: the handshake is to be ended */
};

enum { USH_REASON_MAX = 160 }; /* bytes with the NUL; longer ones are cut */

struct ush_decrypt {
	struct ush_facts *facts;
	bool has_session; /* may it say use? */
	/* out */
	enum ush_verdict verdict;
	char reason[USH_REASON_MAX]; /* escaped; "" if none */
};

struct ush_generate {
	struct ush_facts *facts;
	/* A table is written here. A string is copied to the start of the
	 * state's buffer, in which the writer writes. */
	struct ush_cbor_writer *writer;
	/* out */
	enum ush_content content;
	size_t string_len;
	char reason[USH_REASON_MAX];
};

/* A new state, its script's top level run under the limits for loading. NULL
 * with *err filled. With `selftest`, that function is run too. */
struct ush_state *ush_state_new(
    struct ush_generation *generation, bool selftest, struct ush_error *err);
/* The same, without selftest, and with what is left of twice those limits when
 * *spent is taken off. What is spent is added to that. */
struct ush_state *ush_state_new_within(struct ush_generation *generation,
    struct ush_allowance *spent, struct ush_error *err);
void ush_state_free(struct ush_state *state);

/*
 * Call the script. On success USH_OK and the out members; on failure the code
 * of *err. What is spent is taken off the allowance. The handles are open
 * during the call only.
 */
enum ush_code ush_state_decrypt(struct ush_state *state,
    struct ush_decrypt *call, struct ush_allowance *allowance,
    struct ush_error *err);
enum ush_code ush_state_generate(struct ush_state *state,
    struct ush_generate *call, struct ush_allowance *allowance,
    struct ush_error *err);

#endif
