/*
 * SPDX-License-Identifier: MIT
 *
 * Children, and forks beside other threads. Such a child finds locks as those
 * threads left them. Usher's and libc's are in order; what sanitizers make of
 * it is another matter.
 */
#ifndef TESTS_TLS_FORK_H
#define TESTS_TLS_FORK_H

#include <sys/types.h>

/* May a process fork while its threads are in malloc, at their start or end?
 * gcc 12's address sanitizer has an allocator that stays locked, and a later
 * malloc in the child may wait for ever. */
#ifdef __SANITIZE_ADDRESS__
enum { FORK_BESIDE_MALLOC = 0 };
#else
enum { FORK_BESIDE_MALLOC = 1 };
#endif

/* May a child of a process with threads have new ones, as loading and watching
 * need them? The thread sanitizer does not follow that. */
#ifdef __SANITIZE_THREAD__
enum { THREADS_IN_CHILD = 0 };
#else
enum { THREADS_IN_CHILD = 1 };
#endif

/* fork(2) at a moment when all other threads of this process sleep. */
pid_t fork_beside_sleepers(void);

/* Waits for a child; its exit status, or -1 if a signal ended it. Fails the
 * test if there is no such child. */
int child_status(pid_t child);

#endif
