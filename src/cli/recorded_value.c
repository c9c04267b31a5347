/*
 * SPDX-License-Identifier: MIT
 *
 * The value of one fact, from JSON, by its type.
 */
#include <string.h>

#include "cli/recorded_reader.h"
#include "data/host.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static int
read_bytes(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_bytes *bytes)
{
	if (ush_recorded_bytes(reader->r, json, bytes) == 0)
		return 0;
	return ush_recorded_refuse_type(
	    reader, path, "a string, or {\"$hex\": \"...\"} for bytes", json);
}

/* As a connection has it: see tls/live.h. */
static int
read_server_name(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_bytes *name)
{
	struct ush_bytes text;
	char *plain;

	if (read_bytes(reader, json, path, &text) != 0)
		return -1;
	plain = ush_recorded_alloc(reader->r, text.len + 1);
	if (!plain)
		return ush_recorded_refuse(reader, "%s: out of memory", path);
	name->p = plain;
	name->len = ush_host_read(text.p, text.len, plain);
	if (name->len > 0)
		return 0;
	return ush_recorded_refuse(reader,
	    "%s: is no host's name; leave it out, since it is nil then", path);
}

/* A whole number, also one that is written as 60.0. */
static int
read_integer(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, int64_t *n)
{
	double real = json_real_value(json);

	if (json_is_integer(json)) {
		*n = json_integer_value(json);
		return 0;
	}
	if (!json_is_real(json))
		return ush_recorded_refuse_type(reader, path, "a number", json);
	if (!(real >= -9e15 && real <= 9e15) || real != (double)(int64_t)real)
		return ush_recorded_refuse(
		    reader, "%s: must be a whole number", path);
	*n = (int64_t)real;
	return 0;
}

static int
read_boolean(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, int64_t *n)
{
	if (!json_is_boolean(json))
		return ush_recorded_refuse_type(
		    reader, path, "a boolean", json);
	*n = json_is_true(json);
	return 0;
}

/* A list; an empty table of Lua's comes as an empty object. */
static bool
is_list(const json_t *json)
{
	return json_is_array(json) ||
	       (json_is_object(json) && json_object_size(json) == 0);
}

/* As on the wire, each behind a byte of its length. */
static int
read_strings(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_fact_value *value)
{
	size_t n = json_array_size(json), len = 0;
	struct ush_bytes one;
	char item[USH_RECORDED_PATH], *list;

	if (!is_list(json))
		return ush_recorded_refuse_type(
		    reader, path, "a list of strings", json);
	list = ush_recorded_alloc(reader->r, n * (1 + UINT8_MAX) + 1);
	if (!list)
		return ush_recorded_refuse(reader, "%s: out of memory", path);
	for (size_t i = 0; i < n; i++) {
		ush_recorded_path(item, "%s[%zu]", path, i + 1);
		if (read_bytes(reader, json_array_get(json, i), item, &one))
			return -1;
		if (one.len < 1 || one.len > UINT8_MAX)
			return ush_recorded_refuse(
			    reader, "%s: must have 1 to 255 bytes", item);
		list[len++] = (char)one.len;
		memcpy(list + len, one.p, one.len);
		len += one.len;
	}
	value->as.strings = (struct ush_bytes){list, len};
	return 0;
}

static int
read_time(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_cert_time *time)
{
	time->there = true;
	return read_integer(reader, json, path, &time->seconds);
}

static int
read_cert(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_fact_value *value)
{
	static const char *const names[] = {
	    "subject", "issuer", "serial", "sha256", "not_before", "not_after"};
	struct ush_cert *cert =
	    ush_recorded_alloc(reader->r, sizeof(struct ush_cert));
	struct ush_bytes *strings[4];
	struct ush_cert_time *times[2];
	char member[USH_RECORDED_PATH];
	int failed = 0;

	if (!cert)
		return ush_recorded_refuse(reader, "%s: out of memory", path);
	if (!json_is_object(json))
		return ush_recorded_refuse_type(
		    reader, path, "an object", json);
	if (ush_recorded_names(reader, json, path, "field of a certificate",
		names, ELEMENTS(names)) != 0)
		return -1;
	strings[0] = &cert->subject;
	strings[1] = &cert->issuer;
	strings[2] = &cert->serial;
	strings[3] = &cert->sha256;
	times[0] = &cert->not_before;
	times[1] = &cert->not_after;
	for (size_t i = 0; i < ELEMENTS(names) && !failed; i++) {
		const json_t *part = json_object_get(json, names[i]);

		ush_recorded_path(member, "%s.%s", path, names[i]);
		if (!part)
			continue;
		failed = i < 4 ? read_bytes(reader, part, member, strings[i])
			       : read_time(reader, part, member, times[i - 4]);
	}
	value->as.cert = cert;
	return failed;
}

static int
read_code_points(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_code_points *list)
{
	char item[USH_RECORDED_PATH];
	size_t n = json_array_size(json);
	unsigned char *points;
	int64_t number;

	if (!json)
		return 0;
	if (!is_list(json))
		return ush_recorded_refuse_type(
		    reader, path, "a list of numbers", json);
	points = ush_recorded_alloc(reader->r, 2 * n + 1);
	if (!points)
		return ush_recorded_refuse(reader, "%s: out of memory", path);
	for (size_t i = 0; i < n; i++) {
		ush_recorded_path(item, "%s[%zu]", path, i + 1);
		if (read_integer(
			reader, json_array_get(json, i), item, &number) != 0)
			return -1;
		if (number < 0 || number > UINT16_MAX)
			return ush_recorded_refuse(
			    reader, "%s: must be 0 to 65535", item);
		points[2 * i] = (unsigned char)(number >> 8);
		points[2 * i + 1] = (unsigned char)number;
	}
	*list = (struct ush_code_points){points, n};
	return 0;
}

static int
read_hello(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, struct ush_fact_value *value)
{
	static const char *const names[] = {
	    "ciphers", "groups", "signatures", "extensions"};
	struct ush_hello *hello =
	    ush_recorded_alloc(reader->r, sizeof(struct ush_hello));
	struct ush_code_points *lists[4];
	char member[USH_RECORDED_PATH];

	if (!hello)
		return ush_recorded_refuse(reader, "%s: out of memory", path);
	if (!json_is_object(json))
		return ush_recorded_refuse_type(
		    reader, path, "an object", json);
	if (ush_recorded_names(reader, json, path, "list of a ClientHello",
		names, ELEMENTS(names)) != 0)
		return -1;
	lists[0] = &hello->ciphers;
	lists[1] = &hello->groups;
	lists[2] = &hello->signatures;
	lists[3] = &hello->extensions;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		ush_recorded_path(member, "%s.%s", path, names[i]);
		if (read_code_points(reader, json_object_get(json, names[i]),
			member, lists[i]) != 0)
			return -1;
	}
	value->as.hello = hello;
	return 0;
}

static int
read_vars(
    struct ush_recorded_reader *reader, const json_t *json, const char *path)
{
	struct ush_bytes bytes;
	char member[USH_RECORDED_PATH];
	const char *key, *why;
	json_t *value;

	if (!json_is_object(json))
		return ush_recorded_refuse_type(
		    reader, path, "an object", json);
	json_object_foreach((json_t *)json, key, value)
	{
		ush_recorded_path(member, "%s.%s", path, key);
		if (read_bytes(reader, value, member, &bytes) != 0)
			return -1;
		why = ush_vars_set(&reader->r->vars, USH_VARS_HOST,
		    (struct ush_bytes){key, strlen(key)}, bytes);
		if (why)
			return ush_recorded_refuse(
			    reader, "%s: %s", member, why);
	}
	return 0;
}

int
ush_recorded_value(struct ush_recorded_reader *reader, const json_t *json,
    const char *path, enum ush_fact_id id)
{
	struct ush_fact_value *value = &reader->r->values[id];

	value->there = true;
	switch (ush_fact_infos[id].type) {
	case USH_FACT_STRING:
		if (id == USH_CONN_server_name || id == USH_TICKET_server_name)
			return read_server_name(
			    reader, json, path, &value->as.string);
		return read_bytes(reader, json, path, &value->as.string);
	case USH_FACT_INTEGER:
		return read_integer(reader, json, path, &value->as.integer);
	case USH_FACT_BOOLEAN:
		return read_boolean(reader, json, path, &value->as.integer);
	case USH_FACT_STRINGS:
		return read_strings(reader, json, path, value);
	case USH_FACT_CERT:
		return read_cert(reader, json, path, value);
	case USH_FACT_HELLO:
		return read_hello(reader, json, path, value);
	case USH_FACT_DATA:
		return ush_recorded_data(reader->r, json, path,
		    &value->as.string, reader->why, reader->cap);
	case USH_FACT_VARS:
		return read_vars(reader, json, path);
	case USH_FACT_PREVIOUS:
		return ush_recorded_object(
		    reader, json, path, USH_OBJECT_TICKET);
	}
	return -1;
}
