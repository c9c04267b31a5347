/*
 * SPDX-License-Identifier: MIT
 *
 * The C library has a lock for its time zone, which localtime_r, mktime and
 * strftime take, and gmtime_r and timegm as well, though they need none. After
 * fork(2) it is as it was: beside a thread that just held it, the child would
 * wait for ever. So of our threads only one is in there at a time, and a fork
 * waits for it; and UTC is reckoned here.
 */
#include "base/calendar.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

enum { DAY = 86400 };

static pthread_mutex_t inside = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
before_fork(void)
{
	pthread_mutex_lock(&inside);
}

static void
after_fork(void)
{
	pthread_mutex_unlock(&inside);
}

static void
init(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

void
ush_calendar_start(void)
{
	pthread_once(&once, init);
}

int
ush_calendar_local(time_t t, struct tm *tm)
{
	struct tm *done;

	ush_calendar_start();
	pthread_mutex_lock(&inside);
	done = localtime_r(&t, tm);
	pthread_mutex_unlock(&inside);
	return done ? 0 : -1;
}

time_t
ush_calendar_make(struct tm *tm)
{
	time_t t;

	ush_calendar_start();
	pthread_mutex_lock(&inside);
	t = mktime(tm);
	pthread_mutex_unlock(&inside);
	return t;
}

size_t
ush_calendar_format(
    char *text, size_t size, const char *format, const struct tm *tm)
{
	size_t len;

	ush_calendar_start();
	pthread_mutex_lock(&inside);
	len = strftime(text, size, format, tm);
	pthread_mutex_unlock(&inside);
	return len;
}

/*
 * UTC: years of the Gregorian calendar that begin in March, so that a leap day
 * is a year's last, in eras of 400.
 */

enum { ERA_DAYS = 146097, TO_1970 = 719468 /* days since 1 March of year 0 */ };

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month < 2), era = floor_div(y, 400);
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - TO_1970;
}

int64_t
ush_calendar_seconds(const struct tm *tm)
{
	int64_t years = floor_div(tm->tm_mon, 12);
	int64_t days = days_of((int64_t)tm->tm_year + 1900 + years,
	    tm->tm_mon - years * 12, tm->tm_mday);

	return ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
}

int
ush_calendar_utc(int64_t t, struct tm *tm)
{
	int64_t days = floor_div(t, DAY), rest = t - days * DAY;
	int64_t era = floor_div(days + TO_1970, ERA_DAYS);
	int64_t d = days + TO_1970 - era * ERA_DAYS;
	int64_t of_era = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t of_year = d - (365 * of_era + of_era / 4 - of_era / 100);
	int64_t month = (5 * of_year + 2) / 153; /* since March */
	int64_t year = of_era + era * 400 + (month >= 10);

	if (year - 1900 < INT_MIN || year - 1900 > INT_MAX)
		return -1;
	memset(tm, 0, sizeof *tm);
	tm->tm_sec = (int)(rest % 60);
	tm->tm_min = (int)(rest / 60 % 60);
	tm->tm_hour = (int)(rest / 3600);
	tm->tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1);
	tm->tm_mon = (int)((month + 2) % 12);
	tm->tm_year = (int)(year - 1900);
	tm->tm_wday = (int)(days + 4 - floor_div(days + 4, 7) * 7);
	tm->tm_yday = (int)(days - days_of(year, 0, 1));
	tm->tm_zone = "GMT";
	return 0;
}
