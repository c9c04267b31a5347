/*
 * SPDX-License-Identifier: MIT
 *
 * A futex(2) word: 0 is free; else the number of the thread that has it, with a
 * bit if others may wait and one if the holder has died.
 *
 * Why no robust pthread_mutex_t: it keeps pointers in the mutex, so in memory
 * that others write to, and pthread_mutex_unlock writes through them; other
 * words of it make glibc abort. Here is nothing but one number, which is
 * compared and never followed.
 *
 * The kernel has a list of robust locks for each thread, which glibc registers
 * for its own ones, and beside it one that the thread is just taking or giving
 * back (list_op_pending): an address that is not followed, only looked at when
 * the thread ends, where the number in it is still the thread's. A shard's lock
 * is the only one of its thread, for a moment, so that one place is enough, and
 * no list is needed. What stood there is put back: a signal may have come just
 * while the host took a robust lock of its own.
 *
 * What is assumed:
 * - Nobody takes a robust lock between our taking and giving back: nothing is
 *   called out to, and signal handlers may not lock (POSIX). If one does, and
 *   the thread is killed in that moment, the shard is busy from then on.
 * - Who forks and goes on to use the store does so by fork(3), which tells us:
 *   the child of _Fork, vfork or a bare clone would write its parent's number.
 * - Processes that share a store see the same numbers: one namespace of them.
 *   In two, a thread that is killed while it tries may free the lock of one
 *   that has its number elsewhere. Then two are in a shard at once, which is
 *   damaged at worst, as by any other writer. (glibc's robust locks are no
 *   better off.) A number that was given away again does no harm: the kernel
 *   has marked the lock before.
 * - The C library registers its list when a thread begins, and for good, as
 *   glibc does.
 * A wake-up can be lost where somebody takes the lock between two waiters, or
 * is killed while it gives it back: the next one then waits for its time, and
 * tries once more before it gives up.
 */
#include "data/shard_lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What a thread knows of itself. A forked one is another. */
struct self {
	unsigned int forks;
	uint32_t tid; /* 0: not asked yet */
	struct robust_list_head *robust;
};

static _Thread_local struct self self;
static unsigned int forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
in_child(void)
{
	forks++;
}

static void
watch_forks(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

/* A thread without a list (a C library that does not need one) gets an empty
 * one. Where the system does not tell, a list that may be there is left alone,
 * and a lock outlives its holder: it is busy, and nothing worse. */
static struct robust_list_head *
robust_head(void)
{
	static _Thread_local struct robust_list_head own;
	struct robust_list_head *head = NULL;
	size_t len = 0;

	bool told = syscall(SYS_get_robust_list, 0, &head, &len) == 0;

	if (told && head)
		return head;
	own.list.next = &own.list;
	own.futex_offset = 0;
	own.list_op_pending = NULL;
	if (told)
		syscall(SYS_set_robust_list, &own, sizeof own);
	return &own;
}

static const struct self *
look_at_self(void)
{
	pthread_once(&once, watch_forks);
	if (self.tid == 0 || self.forks != forks) {
		self.forks = forks;
		self.tid = (uint32_t)syscall(SYS_gettid);
		self.robust = robust_head();
	}
	return &self;
}

/* Tells the kernel of the lock before it is taken, and after it was given back.
 * It reads that in the order of the program. */
static void
set_pending(const struct self *me, void *pending)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(struct robust_list *volatile *)&me->robust->list_op_pending = pending;
	atomic_signal_fence(memory_order_seq_cst);
}

static void
tell_kernel(const struct self *me, const _Atomic uint32_t *lock,
    struct ush_lock_hold *hold)
{
	hold->pending = me->robust->list_op_pending;
	set_pending(me, (char *)(uintptr_t)lock - me->robust->futex_offset);
}

/* Tries it once, with the bits in `with` set; *seen is what stood there. */
static enum ush_lock_result
take(const struct self *me, _Atomic uint32_t *lock, uint32_t with,
    uint32_t *seen)
{
	uint32_t mine = me->tid | with;

	*seen = atomic_load_explicit(lock, memory_order_relaxed);
	if ((*seen & ~(uint32_t)FUTEX_WAITERS) != 0 &&
	    (*seen & FUTEX_OWNER_DIED) == 0)
		return USH_LOCK_BUSY;
	if (!atomic_compare_exchange_strong_explicit(lock, seen,
		mine | (*seen & FUTEX_WAITERS), memory_order_acquire,
		memory_order_relaxed))
		return USH_LOCK_BUSY;
	return (*seen & FUTEX_OWNER_DIED) != 0 ? USH_LOCK_DIED : USH_LOCK_OK;
}

enum ush_lock_result
ush_lock_try(_Atomic uint32_t *lock, struct ush_lock_hold *hold)
{
	const struct self *me = look_at_self();
	enum ush_lock_result result;
	uint32_t seen;

	tell_kernel(me, lock, hold);
	result = take(me, lock, 0, &seen);
	if (result == USH_LOCK_BUSY)
		set_pending(me, hold->pending);
	return result;
}

static int64_t
nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Sleeps for as long as `seen` stands there, or so many nanoseconds at most.
 * Where that names no holder there is none to wake anybody. */
static void
wait_for_change(_Atomic uint32_t *lock, uint32_t seen, int64_t left)
{
	struct timespec t = {left / 1000000000, left % 1000000000};
	int error = errno;

	if ((seen & FUTEX_TID_MASK) == 0 || (seen & FUTEX_OWNER_DIED) != 0)
		return;
	if ((seen & FUTEX_WAITERS) == 0 &&
	    !atomic_compare_exchange_strong(lock, &seen, seen | FUTEX_WAITERS))
		return;
	syscall(SYS_futex, lock, FUTEX_WAIT, seen | FUTEX_WAITERS, &t, NULL, 0);
	errno = error;
}

/* Who has waited takes it for one that others wait for as well. */
enum ush_lock_result
ush_lock_within(
    _Atomic uint32_t *lock, unsigned int ms, struct ush_lock_hold *hold)
{
	const struct self *me = look_at_self();
	int64_t until = nanoseconds() + (int64_t)ms * 1000000, left;
	enum ush_lock_result result;
	uint32_t seen;

	tell_kernel(me, lock, hold);
	for (;;) {
		result = take(me, lock, FUTEX_WAITERS, &seen);
		left = until - nanoseconds();
		if (result != USH_LOCK_BUSY || left <= 0)
			break;
		wait_for_change(lock, seen, left);
	}
	if (result == USH_LOCK_BUSY)
		set_pending(me, hold->pending);
	return result;
}

void
ush_lock_release(_Atomic uint32_t *lock, const struct ush_lock_hold *hold)
{
	uint32_t before =
	    atomic_exchange_explicit(lock, 0, memory_order_release);
	int error = errno;

	if ((before & FUTEX_WAITERS) != 0)
		syscall(SYS_futex, lock, FUTEX_WAKE, 1, NULL, NULL, 0);
	errno = error;
	set_pending(look_at_self(), hold->pending);
}
