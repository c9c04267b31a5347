/*
 * SPDX-License-Identifier: MIT
 *
 * Times taken apart and put together. Any thread at any time, also in a process
 * forked while another thread was here.
 */
#ifndef USH_BASE_CALENDAR_H
#define USH_BASE_CALENDAR_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Once before threads of ours come here: forks wait for them from now on. */
void ush_calendar_start(void);

/* UTC, as of gmtime_r(3). 0, or -1: the year does not fit. */
int ush_calendar_utc(int64_t t, struct tm *tm);
/* Seconds since 1970 of a date and time in UTC; tm_wday and tm_yday don't
 * count. */
int64_t ush_calendar_seconds(const struct tm *tm);

/* The C library's localtime_r(3), mktime(3) and strftime(3). */
int ush_calendar_local(time_t t, struct tm *tm);
time_t ush_calendar_make(struct tm *tm);
size_t ush_calendar_format(
    char *text, size_t size, const char *format, const struct tm *tm);

#endif
