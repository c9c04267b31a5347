/*
 * SPDX-License-Identifier: MIT
 *
 * For tests of what threads do to each other: built with -DUSH_WIDEN_WINDOWS,
 * a thread is held up at these points now and then, so that what lies between
 * two steps of a protocol happens often. Else they are nothing.
 */
#ifndef USH_POLICY_WIDEN_H
#define USH_POLICY_WIDEN_H

#ifdef USH_WIDEN_WINDOWS

#include <stdint.h>
#include <time.h>

/* Most often not at all; else up to four milliseconds: enough for another
 * thread to go through the steps on the other side, with sanitizers, too. */
static inline void
ush_widen(void)
{
	static _Thread_local uint32_t seed;
	struct timespec pause = {0};

	if (seed == 0)
		seed = (uint32_t)(uintptr_t)&seed | 1;
	seed = seed * 1664525 + 1013904223;
	if (seed >> 28 != 0)
		return;
	pause.tv_nsec = (long)(seed >> 6 & 0x3fffff);
	nanosleep(&pause, NULL);
}
#define USH_WIDEN() ush_widen()

#else

#define USH_WIDEN() ((void)0)

#endif

#endif
