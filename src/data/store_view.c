/*
 * SPDX-License-Identifier: MIT
 *
 * What callers of a store call: lengths are looked at here, and whether a call
 * goes to the store or to an overlay. An overlay is so small that it is a list.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "data/store_own.h"

/* A key that was written; `value.kind` USH_STORE_KINDS: deleted. */
struct written {
	unsigned char key[USH_STORE_KEY_MAX];
	size_t key_len;
	struct ush_store_value value; /* a string is owned */
	uint64_t expires;             /* 0: never */
};

struct ush_store_overlay {
	unsigned int n;
	struct written written[USH_STORE_OVERLAY_MAX];
};

struct ush_store_overlay *
ush_store_overlay_new(void)
{
	return calloc(1, sizeof(struct ush_store_overlay));
}

static void
value_free(struct ush_store_value *value)
{
	if (value->kind == USH_STORE_STRING)
		free((void *)value->as.string.p);
	value->kind = USH_STORE_KINDS;
}

void
ush_store_overlay_clear(struct ush_store_overlay *overlay)
{
	while (overlay->n > 0)
		value_free(&overlay->written[--overlay->n].value);
}

void
ush_store_overlay_free(struct ush_store_overlay *overlay)
{
	if (overlay)
		ush_store_overlay_clear(overlay);
	free(overlay);
}

static struct written *
find_written(struct ush_store_overlay *o, const struct ush_store_key *key)
{
	struct written *w;

	for (unsigned int i = 0; i < o->n; i++) {
		w = &o->written[i];
		if (w->key_len == key->len &&
		    memcmp(w->key, key->p, key->len) == 0)
			return w;
	}
	return NULL;
}

/* The place of a key, made if need be; NULL if there is none left. */
static struct written *
place_for(struct ush_store_overlay *o, const struct ush_store_key *key)
{
	struct written *w = find_written(o, key);

	if (w || o->n == USH_STORE_OVERLAY_MAX)
		return w;
	w = &o->written[o->n++];
	memcpy(w->key, key->p, key->len);
	w->key_len = key->len;
	w->value.kind = USH_STORE_KINDS;
	return w;
}

/* NULL: deleted. */
static enum ush_store_result
overlay_write(const struct ush_store_view *view, const struct ush_store_op *op,
    const struct ush_store_value *value, uint64_t expires)
{
	struct written *w;
	void *copy = NULL;

	if (value && value->kind == USH_STORE_STRING) {
		copy = malloc(value->as.string.len + 1);
		if (!copy)
			return USH_STORE_FULL;
		memcpy(copy, value->as.string.p, value->as.string.len);
	}
	w = place_for(view->overlay, &op->key);
	if (!w) {
		free(copy);
		return USH_STORE_FULL;
	}
	value_free(&w->value);
	if (value)
		w->value = *value;
	if (copy)
		w->value.as.string.p = copy;
	w->expires = expires;
	return USH_STORE_OK;
}

/* What the caller sees under a key: its own, else the store's. */
static enum ush_store_result
overlay_get(const struct ush_store_view *view, const struct ush_store_op *op,
    struct ush_store_value *value, void *room, uint64_t *expires)
{
	struct ush_store_op get = {
	    .what = USH_STORE_GET, .key = op->key, .room = room, .peek = true};
	const struct written *w = find_written(view->overlay, &op->key);
	enum ush_store_result result;

	if (!w) {
		result = ush_store_operate(view, &get);
		*value = get.value;
		*expires = get.expires;
		return result;
	}
	if (w->value.kind == USH_STORE_KINDS ||
	    (w->expires != 0 && w->expires <= ush_clock_ttl_ms()))
		return USH_STORE_ABSENT;
	*value = w->value;
	*expires = w->expires;
	if (w->value.kind == USH_STORE_STRING) {
		memcpy(room, w->value.as.string.p, w->value.as.string.len);
		value->as.string.p = room;
	}
	return USH_STORE_OK;
}

/* `before` is NULL if there is none. */
static enum ush_store_result
overlay_incr(const struct ush_store_view *view, struct ush_store_op *op,
    const struct ush_store_value *before, uint64_t old, uint64_t expires)
{
	struct ush_store_value by = op->value;
	enum ush_store_result result;
	bool anew;

	result = ush_store_add_up(op, before, &anew);
	if (result == USH_STORE_OK)
		result =
		    overlay_write(view, op, &op->value, anew ? expires : old);
	if (result != USH_STORE_OK)
		op->value = by;
	return result;
}

enum ush_store_result
ush_store_overlay_operate(
    const struct ush_store_view *view, struct ush_store_op *op)
{
	struct ush_store_value before;
	unsigned char room[USH_STORE_VALUE_MAX];
	uint64_t now = ush_clock_ttl_ms(), old, expires = 0;
	enum ush_store_result there;

	if (op->what == USH_STORE_GET)
		return overlay_get(view, op, &op->value, op->room, &old);
	if (op->ttl > 0 && op->ttl < UINT64_MAX - now)
		expires = now + op->ttl;
	if (op->what == USH_STORE_SET)
		return overlay_write(view, op, &op->value, expires);
	there = overlay_get(view, op, &before, room, &old);
	if (there != USH_STORE_OK && there != USH_STORE_ABSENT)
		return there;
	if (op->what == USH_STORE_DELETE)
		return there == USH_STORE_OK ? overlay_write(view, op, NULL, 0)
					     : there;
	if (op->what == USH_STORE_INCR)
		return overlay_incr(view, op,
		    there == USH_STORE_OK ? &before : NULL, old, expires);
	if (there == USH_STORE_OK)
		return USH_STORE_EXISTS;
	return overlay_write(view, op, &op->value, expires);
}

/*
 * The operations
 */

static enum ush_store_result
operate(const struct ush_store_view *view, struct ush_store_op *op)
{
	if (op->key.len == 0 || op->key.len > USH_STORE_KEY_MAX)
		return USH_STORE_LENGTH;
	if (op->value.kind == USH_STORE_STRING && op->what != USH_STORE_GET &&
	    op->value.as.string.len > USH_STORE_VALUE_MAX)
		return USH_STORE_LENGTH;
	return view->overlay ? ush_store_overlay_operate(view, op)
			     : ush_store_operate(view, op);
}

enum ush_store_result
ush_store_get(const struct ush_store_view *view, struct ush_store_key key,
    struct ush_store_value *value, void *room)
{
	struct ush_store_op op = {
	    .what = USH_STORE_GET, .key = key, .room = room};
	enum ush_store_result result = operate(view, &op);

	if (result == USH_STORE_OK)
		*value = op.value;
	return result;
}

enum ush_store_result
ush_store_set(const struct ush_store_view *view, struct ush_store_key key,
    const struct ush_store_value *value, uint64_t ttl_ms)
{
	struct ush_store_op op = {
	    .what = USH_STORE_SET, .key = key, .value = *value, .ttl = ttl_ms};

	return operate(view, &op);
}

enum ush_store_result
ush_store_add(const struct ush_store_view *view, struct ush_store_key key,
    const struct ush_store_value *value, uint64_t ttl_ms)
{
	struct ush_store_op op = {
	    .what = USH_STORE_ADD, .key = key, .value = *value, .ttl = ttl_ms};

	return operate(view, &op);
}

static enum ush_store_result
operate_incr(
    const struct ush_store_view *view, struct ush_store_op *op, int64_t *sum)
{
	enum ush_store_result result = operate(view, op);

	if (result == USH_STORE_OK)
		*sum = op->value.as.integer;
	return result;
}

enum ush_store_result
ush_store_incr(const struct ush_store_view *view, struct ush_store_key key,
    int64_t by, uint64_t ttl_ms, int64_t *sum)
{
	struct ush_store_op op = {.what = USH_STORE_INCR,
	    .key = key,
	    .value = {.kind = USH_STORE_INTEGER, .as.integer = by},
	    .ttl = ttl_ms};

	return operate_incr(view, &op, sum);
}

enum ush_store_result
ush_store_incr_from(const struct ush_store_view *view, struct ush_store_key key,
    int64_t from, int64_t by, uint64_t ttl_ms, int64_t *sum)
{
	struct ush_store_op op = {.what = USH_STORE_INCR,
	    .key = key,
	    .value = {.kind = USH_STORE_INTEGER, .as.integer = by},
	    .has_from = true,
	    .from = from,
	    .ttl = ttl_ms};

	return operate_incr(view, &op, sum);
}

enum ush_store_result
ush_store_delete(const struct ush_store_view *view, struct ush_store_key key)
{
	struct ush_store_op op = {.what = USH_STORE_DELETE,
	    .key = key,
	    .value.kind = USH_STORE_KINDS};

	return operate(view, &op);
}
