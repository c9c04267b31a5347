/*
 * SPDX-License-Identifier: MIT
 *
 * From a JSON document to facts, along the fact table.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/near.h"
#include "cli/recorded_reader.h"
#include "data/envelope.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

int
ush_recorded_refuse(struct ush_recorded_reader *reader, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reader->why, reader->cap, fmt, args);
	va_end(args);
	return -1;
}

static const char *
type_name(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		break;
	}
	return "null";
}

int
ush_recorded_refuse_type(struct ush_recorded_reader *reader, const char *path,
    const char *takes, const json_t *json)
{
	return ush_recorded_refuse(
	    reader, "%s: must be %s, not %s", path, takes, type_name(json));
}

/* No member of an object but these. */
int
ush_recorded_names(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, const char *what, const char *const *names, size_t n)
{
	const char *key, *near;
	json_t *value;

	json_object_foreach((json_t *)json, key, value)
	{
		bool known = false;

		(void)value;
		for (size_t i = 0; i < n; i++)
			known = known || strcmp(names[i], key) == 0;
		if (known)
			continue;
		near = ush_near(key, names, n);
		return ush_recorded_refuse(reader,
		    "%s%s%s: there is no such %s%s%s%s", path, *path ? "." : "",
		    key, what, near ? "; did you mean '" : "", near ? near : "",
		    near ? "'?" : "");
	}
	return 0;
}

void
ush_recorded_path(char path[USH_RECORDED_PATH], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, USH_RECORDED_PATH, fmt, args);
	va_end(args);
}

/*
 * Objects
 */

int
ush_recorded_object(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, enum ush_fact_object object)
{
	const char *names[USH_FACTS];
	char member[USH_RECORDED_PATH];
	size_t n = 0;

	if (!json)
		return 0;
	if (!json_is_object(json))
		return ush_recorded_refuse_type(
		    reader, path, "an object", json);
	for (int i = 0; i < USH_FACTS; i++)
		if (ush_fact_infos[i].object == object)
			names[n++] = ush_fact_infos[i].name;
	if (ush_recorded_names(reader, json, path, "fact", names, n) != 0)
		return -1;
	for (int i = 0; i < USH_FACTS; i++) {
		const struct ush_fact_info *info = &ush_fact_infos[i];
		const json_t *value;

		if (info->object != object)
			continue;
		value = json_object_get(json, info->name);
		ush_recorded_path(member, "%s.%s", path, info->name);
		if (value && !json_is_null(value) &&
		    ush_recorded_value(
			reader, value, member, (enum ush_fact_id)i) != 0)
			return -1;
	}
	return 0;
}

/*
 * What follows from what
 */

static void
give_string(struct ush_fact_value *value, const char *s)
{
	value->there = true;
	value->as.string = (struct ush_bytes){s, strlen(s)};
}

static void
give_integer(struct ush_fact_value *value, int64_t n)
{
	value->there = true;
	value->as.integer = n;
}

static bool
is_string(const struct ush_fact_value *value, const char *s)
{
	return value->there && value->as.string.len == strlen(s) &&
	       memcmp(value->as.string.p, s, strlen(s)) == 0;
}

/* Where only one of status and decrypted is given, or none. */
static int
complete_status(struct ush_recorded_reader *reader, bool ticket)
{
	struct ush_fact_value *status = &reader->r->values[USH_TICKET_status];
	struct ush_fact_value *decrypted =
	    &reader->r->values[USH_TICKET_decrypted];
	bool success =
	    is_string(status, "success") || is_string(status, "success_renew");

	if (status->there && !success && !is_string(status, "empty") &&
	    !is_string(status, "no_decrypt"))
		return ush_recorded_refuse(reader,
		    "ticket.status: must be \"empty\", "
		    "\"no_decrypt\", \"success\" or "
		    "\"success_renew\"");
	if (!status->there && decrypted->there)
		ticket = success = decrypted->as.integer != 0;
	else if (!status->there)
		success = ticket;
	if (!status->there)
		give_string(status, success            ? "success_renew"
				    : decrypted->there ? "no_decrypt"
						       : "empty");
	if (decrypted->there && (decrypted->as.integer != 0) != success)
		return ush_recorded_refuse(reader,
		    "ticket.decrypted: is %s, and the status is \"%.*s\"",
		    success ? "false" : "true", (int)status->as.string.len,
		    status->as.string.p);
	give_integer(decrypted, success);
	reader->r->has_session = success && !reader->r->generate;
	return 0;
}

/* A server believes no ticket that says so, see data/envelope.h. */
static void
drop_future(struct ush_fact_value *auth_time)
{
	if (auth_time->there &&
	    !ush_envelope_is_credible(auth_time->as.integer, ush_clock_now()))
		auth_time->there = false;
}

static void
complete_age(
    struct ush_recorded *r, enum ush_fact_id time, enum ush_fact_id age)
{
	struct ush_fact_value *t = &r->values[time], *a = &r->values[age];
	int64_t now = ush_clock_now();

	if (t->there && !a->there)
		give_integer(a, t->as.integer < now ? now - t->as.integer : 0);
	else if (a->there && !t->there)
		give_integer(t, now - a->as.integer);
}

static int
read_document(struct ush_recorded_reader *reader, const json_t *document)
{
	static const char *const names[] = {"conn", "ticket"};
	const json_t *ticket = json_object_get(document, "ticket");
	struct ush_recorded *r = reader->r;

	if (!json_is_object(document))
		return ush_recorded_refuse(reader,
		    "must be an object with \"conn\" and \"ticket\", not %s",
		    type_name(document));
	if (ush_recorded_names(
		reader, document, "", "member", names, ELEMENTS(names)) != 0 ||
	    ush_recorded_object(reader, json_object_get(document, "conn"),
		"conn", USH_OBJECT_CONN) != 0 ||
	    ush_recorded_object(reader, ticket, "ticket",
		r->generate ? USH_OBJECT_ISSUE : USH_OBJECT_TICKET) != 0)
		return -1;
	drop_future(&r->values[USH_TICKET_auth_time]);
	complete_age(r, USH_TICKET_auth_time, USH_TICKET_auth_age);
	complete_age(r, USH_TICKET_issued_at, USH_TICKET_age);
	if (r->generate && !r->values[USH_ISSUE_previous].there)
		return 0;
	return complete_status(reader, ticket != NULL);
}

struct ush_recorded *
ush_recorded_read(json_t *document, bool generate, char *why, size_t cap)
{
	struct ush_recorded *r = malloc(sizeof *r);
	struct ush_recorded_reader reader = {r, why, cap};

	if (!r) {
		ush_recorded_refuse(&reader, "out of memory");
		return NULL;
	}
	ush_recorded_init(r, document, generate);
	if (read_document(&reader, document) == 0)
		return r;
	ush_recorded_free(r);
	return NULL;
}

struct ush_recorded *
ush_recorded_read_file(const char *path, bool generate, char *why, size_t cap)
{
	struct ush_recorded *r;
	json_error_t error;
	json_t *document;
	char inner[400];

	document = json_load_file(
	    path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!document) {
		if (error.line > 0)
			snprintf(why, cap, "%s:%d: %s", path, error.line,
			    error.text);
		else
			snprintf(why, cap, "%s: %s", path, error.text);
		return NULL;
	}
	r = ush_recorded_read(document, generate, inner, sizeof inner);
	if (!r)
		snprintf(why, cap, "%s: %s", path, inner);
	json_decref(document);
	return r;
}
