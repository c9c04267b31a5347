/*
 * SPDX-License-Identifier: MIT
 *
 * OpenSSL looks at the clock by time(3), later versions by gettimeofday(2):
 * when a session was made, whether it has expired, whether a certificate is
 * good. The program's own definitions come before the C library's, so that a
 * clock that `usher test` sets is the one that OpenSSL sees.
 */
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"

__attribute__((visibility("default"))) time_t
time(time_t *to)
{
	int64_t faked = ush_clock_is_set();
	struct timespec ts = {.tv_sec = (time_t)faked};

	if (faked == 0)
		clock_gettime(CLOCK_REALTIME, &ts);
	if (to)
		*to = ts.tv_sec;
	return ts.tv_sec;
}

__attribute__((visibility("default"))) int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int64_t faked = ush_clock_is_set();
	struct timespec ts = {.tv_sec = (time_t)faked};

	(void)tz;
	if (faked == 0 && clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
