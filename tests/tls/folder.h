/*
 * SPDX-License-Identifier: MIT
 *
 * A folder for a test's scripts and data files, removed when the test ends.
 */
#ifndef TESTS_TLS_FOLDER_H
#define TESTS_TLS_FOLDER_H

#include <stddef.h>

#include "engine.h"

/* As engine_case, with a folder for each test. */
TCase *folder_case(const char *name, int seconds);

/* The path of a file in it (NULL: its own). The last eight stay valid. */
const char *folder_path(const char *name);

/* Writes a file, and makes the folders that its name has. */
void folder_write(const char *name, const char *text);
void folder_write_bytes(const char *name, const void *p, size_t len);

/* An engine with the script of that name, which engine_case frees. */
struct usher *folder_engine(const char *script);

/* The error that usher_new gives for it; fails the test if it takes it. */
struct usher_error folder_refused(const char *script);

/* Its revision, in hex digits: of a decision of one handshake. The last eight
 * stay valid. */
const char *folder_revision(const char *script);

#endif
