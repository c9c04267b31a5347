/*
 * SPDX-License-Identifier: MIT
 *
 * What exists only while a generation is being loaded: the script's folder, and
 * an account of what has been read there. One thread, the loader's.
 */
#ifndef USH_POLICY_LOADING_H
#define USH_POLICY_LOADING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/generation.h"

struct ush_loading {
	struct ush_generation *generation;
	int folder;   /* descriptor; -1 if there is none */
	bool is_text; /* and that is because the script is a text */
	char *real;   /* the folder's path, without symlinks */
	char *label;  /* how messages name it: "", or with a slash at the end */
	size_t sources;            /* bytes read so far: modules, */
	size_t data;               /* and data files */
	struct ush_buffer content; /* what was read besides the script */
	/* The last failure that became a Lua error, which a script may have
	 * caught: what kind it was, and its text. One that is no fault of the
	 * files' (USH_ERROR_SYSTEM) stays. */
	enum ush_code failed;
	char failed_text[256];
	/* The script's top level has returned, and what it returned is looked
	 * through; or it returned nothing. */
	bool looking, returned_nothing;
};

/*
 * Opens the folder and reads the script. 0, or -1 with *err filled. In both
 * cases ush_loading_fini is to be called.
 */
int ush_loading_begin(struct ush_loading *loading, struct ush_generation *g,
    struct ush_buffer *source, struct ush_error *err);
void ush_loading_fini(struct ush_loading *loading);

/*
 * Reads a file beneath the folder, notes it among the generation's inputs
 * whether it is there or not, and adds its digest to the content. 0, or -1 with
 * *err filled, under the file's name for messages.
 */
int ush_loading_read(struct ush_loading *loading, const char *path,
    size_t limit, struct ush_buffer *to, struct ush_error *err);

/* Adds what is no file of the folder's to the content. 0, or -1 with *err. */
int ush_loading_note(struct ush_loading *loading, const char *name,
    const void *p, size_t len, struct ush_error *err);

/* How messages name a file of the folder: malloc(3)'d, or NULL. */
char *ush_loading_label(const struct ush_loading *loading, const char *path);

/* Sets the generation's revision. 0, or -1 with *err filled. */
int ush_loading_revision(struct ush_loading *loading,
    const struct ush_buffer *source, struct ush_error *err);

/* Notes an error that is about to be raised in Lua; and finds it again in what
 * came out of the run. */
void ush_loading_failed(
    struct ush_loading *loading, enum ush_code code, const char *text);
void ush_loading_recall(
    const struct ush_loading *loading, struct ush_error *err);

/* -1 with *err if something failed that is no fault of the files': a script
 * that has caught it is not what it would be with them. */
int ush_loading_check(const struct ush_loading *loading, struct ush_error *err);

/*
 * Processor time of this thread in nanoseconds, without what lay between pause
 * and resume: reading and compiling files is not the script's work.
 */
uint64_t ush_loading_cpu(void);
void ush_loading_pause(void);
void ush_loading_resume(void);

#endif
