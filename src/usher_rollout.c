/*
 * SPDX-License-Identifier: MIT
 *
 * The public API of what changes while an engine runs.
 */
#include <stdio.h>
#include <string.h>

#include "policy/rollout.h"
#include "policy/watch.h"
#include "usher_inner.h"

_Static_assert(
    (int)USHER_EVENT_LOADED == (int)USH_EVENT_LOADED &&
	(int)USHER_EVENT_REFUSED == (int)USH_EVENT_REFUSED &&
	(int)USHER_EVENT_ROLLED_BACK == (int)USH_EVENT_ROLLED_BACK &&
	(int)USHER_EVENT_SHADOW == (int)USH_EVENT_SHADOW &&
	(int)USHER_EVENT_SHADOW_DROPPED == (int)USH_EVENT_SHADOW_DROPPED &&
	(int)USHER_EVENT_PROMOTED == (int)USH_EVENT_PROMOTED,
    "enum usher_event");
_Static_assert(sizeof(((struct usher_history *)0)->revision) ==
		       sizeof(((struct ush_event_entry *)0)->revision) &&
		   sizeof(((struct usher_history *)0)->name) ==
		       sizeof(((struct ush_event_entry *)0)->name) &&
		   sizeof(((struct usher_history *)0)->script) ==
		       sizeof(((struct ush_event_entry *)0)->script) &&
		   sizeof(((struct usher_history *)0)->message) ==
		       sizeof(((struct ush_event_entry *)0)->message),
    "struct usher_history");

/* Something to write an error to, which the layers below count on. */
static struct ush_error *
some_error(struct usher_error *error, struct ush_error *unwanted)
{
	return error ? inner_error(error) : unwanted;
}

static int
no_engine(struct ush_error *err, const char *what)
{
	return ush_error_set(
	    err, USH_ERROR_ARGUMENT, NULL, 0, "%s: there is no engine", what);
}

EXPORT int
usher_reload(struct usher *engine, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "reload");
	return ush_rollout_reload(engine->engine, "reload", err);
}

/* A text as a source, which is the caller's to free. -1 with *err filled. */
static int
source_of_text(struct ush_source *source, const char *name, const char *text,
    size_t len, struct ush_error *err)
{
	const struct ush_source from = {
	    .name = (char *)name, .text = (char *)text, .len = len};

	memset(source, 0, sizeof *source);
	if (!name || name[0] == '\0' || !text)
		return ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "a text needs a name, and must not be NULL");
	if (ush_source_copy(source, &from) != 0)
		return ush_error_set(
		    err, USH_ERROR_SYSTEM, name, 0, "out of memory");
	return 0;
}

EXPORT int
usher_replace_text(struct usher *engine, const char *name, const char *text,
    size_t len, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);
	struct ush_source source;
	int result;

	if (!engine)
		return no_engine(err, "replace");
	if (source_of_text(&source, name, text, len, err) != 0)
		return -1;
	result = ush_rollout_replace(engine->engine, &source, err);
	ush_source_fini(&source);
	return result;
}

EXPORT int
usher_watch(struct usher *engine, int on, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "watch");
	if (on)
		return ush_watch_start(engine->engine, err);
	ush_watch_stop(engine->engine);
	return 0;
}

EXPORT int
usher_rollback(struct usher *engine, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "rollback");
	return ush_rollout_back(engine->engine, err);
}

EXPORT int
usher_shadow_file(
    struct usher *engine, const char *path, struct usher_error *error)
{
	const struct ush_source from = {
	    .path = (char *)path, .name = (char *)path};
	struct ush_error unwanted, *err = some_error(error, &unwanted);
	struct ush_source source;
	int result;

	if (!engine)
		return no_engine(err, "shadow");
	if (!path || path[0] == '\0')
		return ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "shadow: there is no path");
	if (ush_source_copy(&source, &from) != 0 ||
	    ush_source_settle(&source) != 0)
		result = ush_error_set(
		    err, USH_ERROR_SYSTEM, path, 0, "out of memory");
	else
		result = ush_rollout_shadow(engine->engine, &source, err);
	ush_source_fini(&source);
	return result;
}

EXPORT int
usher_shadow_text(struct usher *engine, const char *name, const char *text,
    size_t len, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);
	struct ush_source source;
	int result;

	if (!engine)
		return no_engine(err, "shadow");
	if (source_of_text(&source, name, text, len, err) != 0)
		return -1;
	result = ush_rollout_shadow(engine->engine, &source, err);
	ush_source_fini(&source);
	return result;
}

EXPORT int
usher_canary(
    struct usher *engine, unsigned int per_mille, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "canary");
	return ush_rollout_canary(engine->engine, per_mille, err);
}

EXPORT int
usher_promote(struct usher *engine, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "promote");
	return ush_rollout_promote(engine->engine, err);
}

EXPORT int
usher_shadow_drop(struct usher *engine, struct usher_error *error)
{
	struct ush_error unwanted, *err = some_error(error, &unwanted);

	if (!engine)
		return no_engine(err, "drop");
	return ush_rollout_drop(engine->engine, err);
}

EXPORT int
usher_history_get(const struct usher *engine, unsigned int back,
    struct usher_history *history, size_t size)
{
	struct usher_history whole = {.size = sizeof whole};
	struct ush_event_entry entry;

	if (!engine || !history ||
	    !ush_rollout_history(engine->engine, back, &entry))
		return -1;
	whole.event = (enum usher_event)entry.event;
	whole.time = entry.time;
	memcpy(whole.revision, entry.revision, sizeof whole.revision);
	memcpy(whole.name, entry.name, sizeof whole.name);
	memcpy(whole.script, entry.script, sizeof whole.script);
	memcpy(whole.message, entry.message, sizeof whole.message);
	memset(history, 0, size);
	memcpy(history, &whole, size < sizeof whole ? size : sizeof whole);
	return 0;
}
