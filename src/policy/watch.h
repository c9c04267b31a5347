/*
 * SPDX-License-Identifier: MIT
 *
 * The watcher: a thread of an engine's that reloads the script when the files
 * change that it was made from. Survives fork(2): the child's starts with the
 * first use of the engine there.
 */
#ifndef USH_POLICY_WATCH_H
#define USH_POLICY_WATCH_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/engine.h"

/* Before the first fork that watchers are to survive. Any number of times. */
void ush_watch_init(void);

/* Starts it, if it does not run. -1 with *err filled: there is nothing that
 * could be watched, or no thread or file descriptor to be had. */
int ush_watch_start(struct ush_engine *engine, struct ush_error *err);

/* Stops it, if it runs, and waits for a load that is under way. */
void ush_watch_stop(struct ush_engine *engine);

/* Other files are to be watched now. */
void ush_watch_kick(struct ush_engine *engine);

/* To be called at every use of the engine, also in handshakes: starts the
 * watcher in a forked process. */
void ush_watch_wake_up(struct ush_engine *engine);

static inline void
ush_watch_wake(struct ush_engine *engine)
{
	if (atomic_load_explicit(&engine->asleep, memory_order_relaxed))
		ush_watch_wake_up(engine);
}

/* For tests: watchers that are started from now on do without inotify. */
void ush_watch_poll_only(bool on);

#endif
