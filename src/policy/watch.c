/*
 * SPDX-License-Identifier: MIT
 *
 * The watcher's thread, and what becomes of it in a fork. All that only the
 * thread uses lies on its stack (struct watcher), so that a child, which does
 * not have the thread, has nothing of it to put in order but two descriptors.
 * Handshakes and callers of the rollout don't know the lock here; the thread
 * itself is one more caller of the rollout.
 */
#include "policy/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/eye.h"
#include "policy/pool.h"
#include "policy/rollout.h"

struct ush_watch {
	struct ush_engine *engine;
	struct ush_watch *next; /* under the lock */
	bool running;           /* in this process; under the lock */
	pthread_t thread;
	int inotify; /* -1: there is none, files are looked at */
	int wake;    /* an eventfd: the flags have changed */
	atomic_bool stop, kicked;
	sem_t begun; /* all is watched now that was loaded, */
	bool blind;  /* or memory was short */
};

static struct {
	pthread_once_t once;
	pthread_mutex_t lock;
	struct ush_watch *list;
	atomic_bool poll_only;
} watches = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

void
ush_watch_poll_only(bool on)
{
	atomic_store(&watches.poll_only, on);
}

/*
 * The thread
 */

/* One eye on the script's files, and one on the shadow's. */
enum { MAIN, SHADOW, EYES };

/* What the system had no memory or no thread for is tried again: soon, then
 * less often. */
enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 6400 };

struct retry {
	int pause;   /* 0: the last try was well */
	uint64_t at; /* not before */
};

struct watcher {
	struct ush_watch *watch;
	struct ush_eye eyes[EYES];
	struct retry loads[EYES], renewal;
};

static void
note_try(struct retry *retry, bool well)
{
	int pause = retry->pause > 0 ? 2 * retry->pause : RETRY_MIN_MS;

	if (well)
		pause = 0;
	retry->pause = pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS;
	retry->at = ush_clock_mono_ms() + (uint64_t)retry->pause;
}

/* Watches what the last load has looked at. False: what it did before, as
 * memory is short. */
static bool
renew(struct watcher *watcher)
{
	struct ush_engine *engine = watcher->watch->engine;
	struct ush_inputs inputs = {0};
	bool well = true;

	for (int i = 0; well && i < EYES; i++)
		well = ush_rollout_inputs(engine, i == SHADOW, &inputs) == 0 &&
		       ush_eye_set(&watcher->eyes[i], &inputs) == 0;
	if (!well)
		ush_log_write(&engine->log, USH_LOG_ERROR, USH_LOG_ROLLOUT,
		    "watch: out of memory: changes are seen when there is "
		    "some again");
	note_try(&watcher->renewal, well);
	return well;
}

static void
load(struct watcher *watcher, int eye)
{
	struct ush_engine *engine = watcher->watch->engine;
	struct ush_error err;
	int result;

	if (eye == MAIN)
		result = ush_rollout_reload(engine, "watch", &err);
	else
		result =
		    ush_rollout_reload_shadow(engine, "watch: shadow", &err);
	note_try(
	    &watcher->loads[eye], result == 0 || err.code != USH_ERROR_SYSTEM);
}

/* Looks with both eyes, and loads what has changed. Returns how long to wait
 * for events; a load is one: it kicks. */
static int
look(struct watcher *watcher)
{
	uint64_t now = ush_clock_mono_ms(), at;
	int waits[EYES];

	for (int i = 0; i < EYES; i++) {
		if (!ush_eye_look(&watcher->eyes[i], now, &waits[i]))
			continue;
		at = watcher->loads[i].at;
		if (now < at) {
			waits[i] = (int)(at - now);
			continue;
		}
		load(watcher, i);
	}
	return waits[MAIN] < waits[SHADOW] ? waits[MAIN] : waits[SHADOW];
}

/* A process that has changed its user since the script was loaded. */
static void
say_unreadable(const struct watcher *watcher)
{
	struct ush_engine *engine = watcher->watch->engine;
	const struct ush_inputs *inputs = &watcher->eyes[MAIN].loaded;
	int fd;

	for (size_t i = 0; i < inputs->n; i++) {
		if (!inputs->v[i].there)
			continue;
		fd = open(inputs->v[i].path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT)
			ush_log_write(&engine->log, USH_LOG_ERROR,
			    USH_LOG_ROLLOUT,
			    "watch: process %ld may not read %s (%s): it can't "
			    "take up changes; grant it to its user",
			    (long)getpid(), inputs->v[i].path, strerror(errno));
	}
}

static void
read_events(struct watcher *watcher)
{
	_Alignas(struct inotify_event) char buffer[8192];
	const struct inotify_event *event;
	ssize_t n;
	char *p;

	if (watcher->watch->inotify < 0)
		return;
	while ((n = read(watcher->watch->inotify, buffer, sizeof buffer)) > 0)
		for (p = buffer; p < buffer + n;
		     p += sizeof *event + event->len) {
			event = (const struct inotify_event *)p;
			for (int i = 0; i < EYES; i++)
				ush_eye_event(&watcher->eyes[i], event);
		}
}

static void
wait_for_events(struct watcher *watcher, int milliseconds)
{
	struct ush_watch *watch = watcher->watch;
	int due = ush_pool_wait();
	struct pollfd fds[2] = {{.fd = watch->wake, .events = POLLIN},
	    {.fd = watch->inotify, .events = POLLIN}};
	uint64_t n;

	if (due >= 0 && (milliseconds < 0 || due < milliseconds))
		milliseconds = due;
	if (poll(fds, 2, milliseconds) > 0 && (fds[0].revents & POLLIN) != 0)
		while (read(watch->wake, &n, sizeof n) > 0)
			;
	read_events(watcher);
	ush_pool_look(); /* nobody else may come by */
}

static void *
watch_main(void *arg)
{
	struct watcher watcher = {.watch = arg};
	struct ush_watch *watch = watcher.watch;
	bool current;

	for (int i = 0; i < EYES; i++)
		watcher.eyes[i] = (struct ush_eye){.fd = watch->inotify,
		    .others = &watcher.eyes[1 - i].places};
	current = renew(&watcher);
	watch->blind = !current;
	sem_post(&watch->begun);
	say_unreadable(&watcher);
	while (!atomic_load(&watch->stop)) {
		if (atomic_exchange(&watch->kicked, false) || !current)
			current = renew(&watcher);
		wait_for_events(
		    &watcher, current ? look(&watcher) : watcher.renewal.pause);
	}
	for (int i = 0; i < EYES; i++)
		ush_eye_fini(&watcher.eyes[i]);
	return NULL;
}

/*
 * Starting and stopping
 */

static int
no_memory(struct ush_error *err)
{
	return ush_error_set(
	    err, USH_ERROR_SYSTEM, NULL, 0, "watch: out of memory");
}

static void
close_fds(struct ush_watch *watch)
{
	if (watch->inotify >= 0)
		close(watch->inotify);
	if (watch->wake >= 0)
		close(watch->wake);
	watch->inotify = watch->wake = -1;
}

static int
run_nolock(struct ush_watch *watch, struct ush_error *err)
{
	sigset_t all, before;
	int error;

	sem_init(&watch->begun, 0, 0);
	watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->wake < 0)
		return ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
		    "watch: no eventfd: %s", strerror(errno));
	watch->inotify = atomic_load(&watches.poll_only)
			     ? -1
			     : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&watch->thread, NULL, watch_main, watch);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	watch->running = error == 0;
	if (error == 0)
		return 0;
	close_fds(watch);
	return ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0,
	    "watch: can't start a thread: %s", strerror(error));
}

static void
unlink_nolock(struct ush_watch *watch)
{
	struct ush_watch **link = &watches.list;

	while (*link != watch)
		link = &(*link)->next;
	*link = watch->next;
	watch->engine->watch = NULL;
	atomic_store(&watch->engine->asleep, false);
}

static int
start_nolock(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_watch *watch = engine->watch;

	if (!watch) {
		watch = calloc(1, sizeof *watch);
		if (!watch)
			return no_memory(err);
		watch->engine = engine;
		watch->inotify = watch->wake = -1;
		watch->next = watches.list;
		watches.list = watch;
		engine->watch = watch;
	}
	atomic_store(&engine->asleep, false);
	if (run_nolock(watch, err) == 0)
		return 0;
	unlink_nolock(watch);
	free(watch);
	return -1;
}

static void
fork_prepare(void)
{
	pthread_mutex_lock(&watches.lock);
}

static void
fork_parent(void)
{
	pthread_mutex_unlock(&watches.lock);
}

/* The descriptors are closed at once: later the numbers may be others'. */
static void
fork_child(void)
{
	struct ush_watch *watch;

	for (watch = watches.list; watch; watch = watch->next) {
		watch->running = false;
		atomic_store(&watch->kicked, false);
		close_fds(watch);
		atomic_store(&watch->engine->asleep, true);
	}
	pthread_mutex_unlock(&watches.lock);
}

static void
init(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void
ush_watch_init(void)
{
	pthread_once(&watches.once, init);
}

/* Ends one that is of no engine any more. */
static void
finish(struct ush_watch *watch, bool running)
{
	if (running) {
		atomic_store(&watch->stop, true);
		eventfd_write(watch->wake, 1);
		pthread_join(watch->thread, NULL);
		close_fds(watch);
	}
	free(watch);
}

int
ush_watch_start(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_watch *watch = NULL;
	struct ush_inputs inputs = {0};
	int result = ush_rollout_inputs(engine, false, &inputs);
	size_t n = inputs.n;

	ush_inputs_fini(&inputs);
	if (result != 0)
		return no_memory(err);
	if (n == 0)
		return ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "watch: the script was given as a text; there is no file "
		    "to watch");
	pthread_mutex_lock(&watches.lock);
	if (engine->watch && engine->watch->running)
		goto done;
	result = start_nolock(engine, err);
	while (result == 0 && sem_wait(&engine->watch->begun) != 0)
		; /* a signal of the host's */
	if (result == 0 && engine->watch->blind) {
		watch = engine->watch;
		unlink_nolock(watch);
	}
done:
	pthread_mutex_unlock(&watches.lock);
	if (!watch)
		return result;
	finish(watch, true);
	return no_memory(err);
}

void
ush_watch_stop(struct ush_engine *engine)
{
	struct ush_watch *watch;
	bool running;

	pthread_mutex_lock(&watches.lock);
	watch = engine->watch;
	running = watch && watch->running;
	if (watch)
		unlink_nolock(watch);
	pthread_mutex_unlock(&watches.lock);
	finish(watch, running);
}

void
ush_watch_kick(struct ush_engine *engine)
{
	pthread_mutex_lock(&watches.lock);
	if (engine->watch && engine->watch->running) {
		atomic_store(&engine->watch->kicked, true);
		eventfd_write(engine->watch->wake, 1);
	}
	pthread_mutex_unlock(&watches.lock);
}

void
ush_watch_wake_up(struct ush_engine *engine)
{
	struct ush_error err;
	int result = 0;

	pthread_mutex_lock(&watches.lock);
	if (atomic_load(&engine->asleep))
		result = start_nolock(engine, &err);
	pthread_mutex_unlock(&watches.lock);
	if (result != 0)
		ush_log_write(&engine->log, USH_LOG_ERROR, USH_LOG_ROLLOUT,
		    "%s: changes are not taken up in this process",
		    err.message);
}
