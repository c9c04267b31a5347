/*
 * SPDX-License-Identifier: MIT
 *
 * Log lines for the host's log function. One kind of line comes at most once
 * a minute (some kinds: see log.c), and the next one says how many were left
 * out, so that a peer who provokes errors can't fill a disk.
 */
#ifndef USH_BASE_LOG_H
#define USH_BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

/* Same values as the public enum usher_log_level (src/usher.c checks). */
enum ush_log_level {
	USH_LOG_ERROR,
	USH_LOG_WARNING,
	USH_LOG_INFO,
};

/* What a line is about; each kind is limited on its own. */
enum ush_log_kind {
	USH_LOG_SCRIPT_ERROR_DECRYPT,
	USH_LOG_SCRIPT_ERROR_GENERATE,
	USH_LOG_BUDGET,     /* the budget of a handshake is spent */
	USH_LOG_IDENTITIES, /* more identities than may be asked about */
	USH_LOG_ID_CONTEXT, /* a session without one, where that is fatal */
	USH_LOG_BYPASS,     /* resumed without being asked */
	USH_LOG_STATEFUL,   /* a ticket that decrypt will never see */
	USH_LOG_LATER,      /* what the host has done after attaching */
	USH_LOG_ATTACH,     /* answers to a host's own call: never limited */
	USH_LOG_PRINT,      /* what scripts print: 100 lines a minute */
	USH_LOG_STATE,      /* making or losing a Lua state */
	USH_LOG_ROLLOUT,    /* which generation decides: 60 lines a minute */
	USH_LOG_SHADOW,     /* a shadow would have decided otherwise */
	USH_LOG_SCRIPT,     /* what scripts log: 100 lines a minute */
	USH_LOG_ACCEPT,     /* usher serve: connections have to wait */
	USH_LOG_GONE,       /* a generation that took too long to be left */
	USH_LOG_KINDS,
};

/* Receives one line, without newline, control characters escaped. */
typedef void (*ush_log_fn)(
    void *arg, enum ush_log_level level, const char *line);

/* Embedded in its owner. Zeroed memory is a valid log without a function. */
struct ush_log {
	ush_log_fn fn; /* NULL: nothing is logged */
	void *arg;
	/* When the current minute began and how many lines it has had. */
	_Atomic uint64_t window[USH_LOG_KINDS];
	_Atomic uint64_t left_out[USH_LOG_KINDS];
};

/* Not thread-safe: before the log is shared. */
void ush_log_init(struct ush_log *log, ush_log_fn fn, void *arg);

/*
 * Writes one line of a kind, or counts it as left out. `log` may be NULL. At
 * most 1,000 bytes of it are kept (then "..."). Any number of threads at once,
 * no lock; the log's function runs in the calling thread.
 */
void ush_log_write(struct ush_log *log, enum ush_log_level level,
    enum ush_log_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
