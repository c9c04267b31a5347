/*
 * SPDX-License-Identifier: MIT
 *
 * What the files of the public API share.
 */
#ifndef USHER_INNER_H
#define USHER_INNER_H

#include "base/error.h"
#include "policy/engine.h"
#include "usher.h"

#define EXPORT __attribute__((visibility("default")))

/* The engine's side of what the public API promises. */
struct usher {
	struct ush_engine *engine;
};

struct usher_options {
	struct ush_source source;
	struct ush_limits limits;
	enum ush_on_error on_error;
	usher_log_fn log;
	void *log_arg;
	usher_decision_fn decision;
	void *decision_arg;
	size_t store_size; /* 0: not set */
	char *store_name;  /* or NULL */
};

/* The public struct has the same layout: usher.c asserts it. */
static inline struct ush_error *
inner_error(struct usher_error *error)
{
	return (struct ush_error *)error;
}

#endif
