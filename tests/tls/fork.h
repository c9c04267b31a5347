/*
 * SPDX-License-Identifier: MIT
 *
 * Children, and forks beside other threads. Such a child finds locks as those
 * threads left them. Usher's and libc's are in order; but gcc 12's address
 * sanitizer has an allocator that does not survive it when a thread was inside,
 * at its start or end too, and a later malloc in the child may wait for ever.
 */
#ifndef TESTS_TLS_FORK_H
#define TESTS_TLS_FORK_H

#include <sys/types.h>

/* fork(2) at a moment when all other threads of this process sleep. */
pid_t fork_beside_sleepers(void);

/* Waits for a child; its exit status, or -1 if a signal ended it. Fails the
 * test if there is no such child. */
int child_status(pid_t child);

#endif
