/*
 * SPDX-License-Identifier: MIT
 *
 * Bytes and tables in JSON: what they are in memory, and in a ticket.
 */
#include <stdio.h>
#include <string.h>

#include "cli/recorded_reader.h"
#include "data/cbor.h"

enum {
	DEPTH_MAX = 16, /* USH_VALUE_DEPTH: what a script could have stored */
	DATA_MAX = 65536,
};

static int
hex_digit(char c)
{
	const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* The bytes of hex digits in an object with this one key. */
static int
read_hex(struct ush_recorded *r, const json_t *json, const char *key,
    struct ush_bytes *bytes)
{
	const json_t *hex = json_object_get(json, key);
	const char *s = json_string_value(hex);
	size_t len = hex ? json_string_length(hex) : 0;
	char *to;

	if (!s || json_object_size(json) != 1 || len % 2 != 0)
		return -1;
	to = ush_recorded_alloc(r, len / 2 + 1);
	if (!to)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		to[i] = (char)(high << 4 | low);
	}
	*bytes = (struct ush_bytes){to, len / 2};
	return 0;
}

int
ush_recorded_bytes(
    struct ush_recorded *r, const json_t *json, struct ush_bytes *bytes)
{
	if (!json_is_string(json))
		return read_hex(r, json, "$hex", bytes);
	*bytes = (struct ush_bytes){
	    json_string_value(json), json_string_length(json)};
	return 0;
}

struct writer {
	struct ush_recorded *recorded;
	struct ush_cbor_writer w;
	char *why;
	size_t cap;
};

static int
refuse(struct writer *to, const char *path, const char *what)
{
	snprintf(to->why, to->cap, "%s: %s", path, what);
	return -1;
}

static int put(struct writer *to, const json_t *json, const char *path, int n);

static int
put_object(struct writer *to, const json_t *json, const char *path, int depth)
{
	char inner[USH_RECORDED_PATH];
	const char *key;
	json_t *value;

	ush_cbor_put_map(&to->w, json_object_size(json));
	json_object_foreach((json_t *)json, key, value)
	{
		ush_recorded_path(inner, "%s.%s", path, key);
		ush_cbor_put_string(&to->w, key, strlen(key));
		if (put(to, value, inner, depth + 1) != 0)
			return -1;
	}
	return 0;
}

static int
put_array(struct writer *to, const json_t *json, const char *path, int depth)
{
	char inner[USH_RECORDED_PATH];
	size_t i;
	json_t *value;

	ush_cbor_put_array(&to->w, json_array_size(json));
	json_array_foreach(json, i, value)
	{
		ush_recorded_path(inner, "%s[%zu]", path, i + 1);
		if (put(to, value, inner, depth + 1) != 0)
			return -1;
	}
	return 0;
}

static int
put(struct writer *to, const json_t *json, const char *path, int depth)
{
	struct ush_bytes bytes;

	if (depth > DEPTH_MAX)
		return refuse(to, path, "is nested too deep");
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		if (ush_recorded_bytes(to->recorded, json, &bytes) != 0)
			return put_object(to, json, path, depth);
		ush_cbor_put_bytes(&to->w, bytes.p, bytes.len);
		return 0;
	case JSON_ARRAY:
		return put_array(to, json, path, depth);
	case JSON_STRING:
		ush_cbor_put_string(
		    &to->w, json_string_value(json), json_string_length(json));
		return 0;
	case JSON_INTEGER:
		ush_cbor_put_int(&to->w, json_integer_value(json));
		return 0;
	case JSON_REAL:
		ush_cbor_put_number(&to->w, json_real_value(json));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		ush_cbor_put_bool(&to->w, json_is_true(json));
		return 0;
	case JSON_NULL:
		break;
	}
	return refuse(to, path, "a table holds no null; leave it out");
}

int
ush_recorded_data(struct ush_recorded *r, const json_t *json, const char *path,
    struct ush_bytes *cbor, char *why, size_t cap)
{
	struct writer to = {.recorded = r, .why = why, .cap = cap};
	char *buffer;

	if (read_hex(r, json, "$cbor", cbor) == 0)
		return 0;
	if (!json_is_object(json) && !json_is_array(json))
		return refuse(&to, path, "must be a table");
	buffer = ush_recorded_alloc(r, DATA_MAX);
	if (!buffer)
		return refuse(&to, path, "out of memory");
	ush_cbor_writer_init(&to.w, (unsigned char *)buffer, DATA_MAX);
	if (put(&to, json, path, 1) != 0)
		return -1;
	if (to.w.overflow)
		return refuse(&to, path, "is larger than any ticket");
	*cbor = (struct ush_bytes){buffer, ush_cbor_written(&to.w)};
	return 0;
}
