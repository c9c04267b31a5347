/*
 * SPDX-License-Identifier: MIT
 *
 * The clocks that the library reads, in one place, so that tests can say what
 * the wall clock shows. Any thread may call any of these at any time.
 */
#ifndef USH_BASE_CLOCK_H
#define USH_BASE_CLOCK_H

#include <stdint.h>

/* The wall clock: seconds since 1970-01-01 UTC, or what a test has set. */
int64_t ush_clock_now(void);

/* Processor time of the calling thread, in nanoseconds. A system call. */
uint64_t ush_clock_thread_ns(void);

/* A clock that nobody sets: milliseconds since some moment. */
uint64_t ush_clock_mono_ms(void);

/* What times to live are measured by: milliseconds since a moment that is the
 * same for all processes of a machine. Nobody sets it, but ush_clock_set. */
uint64_t ush_clock_ttl_ms(void);

/* For tests: from now on ush_clock_now answers `now`, in all threads; with 0
 * it follows the real clock again. So does ush_clock_ttl_ms. */
void ush_clock_set(int64_t now);
/* From now on ush_clock_ttl_ms goes by the wall clock even where that follows
 * the real one, so that what is set later moves on from there. */
void ush_clock_ttl_by_wall(void);
/* What it was set to; 0 if it follows the real clock. */
int64_t ush_clock_is_set(void);

#endif
