/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of usher_stats_write: text for Prometheus, read by a parser that is
 * stricter than Prometheus itself.
 *
 *  1. A new engine's text is well-formed, and all its counters are 0
 *  2. What real handshakes did is there: verdicts, reasons, outcomes, errors
 *  3. Every member of struct usher_stats is there, with the same value
 *  4. Names and reasons of any bytes stay one line, and come back as they were
 *     Reasons that are shown alike, since bytes of them can't be shown, are one
 *  5. With more reasons than 32 the others are one; a reason "other" joins them
 *  6. The parser refuses what Prometheus would
 *  7. What goes wrong in writing is told
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/metrics.h"
#include "tls/engine.h"

enum { SAMPLES = 300, TEXT = 128 * 1024 };

struct sample {
	char name[100];
	char labels[800]; /* as NAME=VALUE;..., with escapes undone */
	char family[100];
	uint64_t value;
};

static struct sample samples[SAMPLES];
static int n_samples;
static char text[TEXT];

/*
 * The parser: one family after the other, each of HELP, TYPE and at least one
 * sample. Returns what is wrong, or NULL.
 */

static bool
is_name(const char *p, size_t len)
{
	if (len == 0 || isdigit((unsigned char)p[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)p[i]) && p[i] != '_')
			return false;
	return true;
}

/* A quoted value at *at, undone into out. */
static const char *
parse_value(const char **at, char **out, const char *end)
{
	const char *p = *at;

	if (*p++ != '"')
		return "a label's value has no quotes";
	for (; *p != '"'; p++) {
		if (*p == '\n' || *p == '\0')
			return "a label's value does not end";
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "a control character";
		if (*out >= end - 2)
			return "labels too long";
		if (*p != '\\') {
			*(*out)++ = *p;
			continue;
		}
		p++;
		if (*p != '\\' && *p != '"' && *p != 'n')
			return "an unknown escape";
		*(*out)++ = *p == 'n' ? '\n' : *p;
	}
	*at = p + 1;
	return NULL;
}

static const char *
parse_labels(const char **at, struct sample *sample)
{
	char *out = sample->labels, *end = out + sizeof sample->labels;
	const char *p = *at + 1, *wrong;
	size_t len;

	for (;;) {
		len = strcspn(p, "=\n");
		if (p[len] != '=' || !is_name(p, len))
			return "a label has no name";
		memcpy(out, p, len + 1);
		out += len + 1;
		p += len + 1;
		wrong = parse_value(&p, &out, end);
		if (wrong)
			return wrong;
		*out++ = ';';
		if (*p == '}')
			break;
		if (*p++ != ',')
			return "no comma between labels";
	}
	*out = '\0';
	*at = p + 1;
	return NULL;
}

static const char *
parse_sample(const char **at, const char *family)
{
	struct sample *sample = &samples[n_samples];
	size_t len = strcspn(*at, "{ \n");
	const char *wrong;
	char *end;

	if (n_samples == SAMPLES)
		return "too many samples";
	if (len >= sizeof sample->name || !is_name(*at, len))
		return "a sample has no name";
	memset(sample, 0, sizeof *sample);
	memcpy(sample->name, *at, len);
	strcpy(sample->family, family);
	if (strcmp(sample->name, family) != 0)
		return "a sample of another family";
	*at += len;
	if (**at == '{') {
		wrong = parse_labels(at, sample);
		if (wrong)
			return wrong;
	}
	if (*(*at)++ != ' ' || !isdigit((unsigned char)**at))
		return "no value";
	sample->value = strtoull(*at, &end, 10);
	if (*end != '\n')
		return "something behind the value";
	for (int i = 0; i < n_samples; i++)
		if (strcmp(samples[i].name, sample->name) == 0 &&
		    strcmp(samples[i].labels, sample->labels) == 0)
			return "a sample is there twice";
	*at = end + 1;
	n_samples++;
	return NULL;
}

/* "# WORD name rest\n": the name into `name`, the rest into `rest`. */
static const char *
parse_comment(const char **at, const char *word, char name[100], char rest[200])
{
	char start[16];
	size_t len;

	snprintf(start, sizeof start, "# %s ", word);
	if (strncmp(*at, start, strlen(start)) != 0)
		return "HELP or TYPE is missing";
	*at += strlen(start);
	len = strcspn(*at, " \n");
	if (len >= 100 || !is_name(*at, len) || (*at)[len] != ' ')
		return "HELP or TYPE without a name";
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len + 1;
	len = strcspn(*at, "\n");
	if (len == 0 || len >= 200 || (*at)[len] != '\n')
		return "HELP or TYPE without a text";
	memcpy(rest, *at, len);
	rest[len] = '\0';
	*at += len + 1;
	return strchr(rest, '\\') ? "a backslash in HELP" : NULL;
}

static const char *
parse_family(const char **at)
{
	char name[100], again[100], rest[200];
	const char *wrong = parse_comment(at, "HELP", name, rest);
	size_t len = strlen(name);

	if (!wrong)
		wrong = parse_comment(at, "TYPE", again, rest);
	if (wrong)
		return wrong;
	if (strcmp(name, again) != 0)
		return "HELP and TYPE differ";
	for (int i = 0; i < n_samples; i++)
		if (strcmp(samples[i].family, name) == 0)
			return "a family is there twice";
	if (strcmp(rest, "counter") == 0) {
		if (len < 7 || strcmp(name + len - 6, "_total") != 0)
			return "a counter does not end in _total";
	} else if (strcmp(rest, "gauge") != 0) {
		return "neither counter nor gauge";
	}
	if (strncmp(name, "usher_", 6) != 0)
		return "a family is not usher's";
	do {
		wrong = parse_sample(at, name);
		if (wrong)
			return wrong;
	} while (**at != '#' && **at != '\0');
	return NULL;
}

static const char *
parse(const char *all)
{
	const char *at = all, *wrong;

	n_samples = 0;
	if (*at == '\0')
		return "nothing";
	while (*at != '\0') {
		wrong = parse_family(&at);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static int
take_text(void *arg, const char *p, size_t len)
{
	*(int *)arg += 1;
	ck_assert_uint_lt(len, TEXT);
	ck_assert_uint_eq(strlen(p), len);
	memcpy(text, p, len + 1);
	return 0;
}

static void
read_text(const struct usher *engine)
{
	int calls = 0;
	const char *wrong;

	ck_assert_int_eq(usher_stats_write(engine, take_text, &calls), 0);
	ck_assert_int_eq(calls, 1);
	wrong = parse(text);
	ck_assert_msg(!wrong, "%s in:\n%s", wrong, text);
}

static bool
is_there(const char *name, const char *labels)
{
	for (int i = 0; i < n_samples; i++)
		if (strcmp(samples[i].name, name) == 0 &&
		    strcmp(samples[i].labels, labels) == 0)
			return true;
	return false;
}

static uint64_t
value_of(const char *name, const char *labels)
{
	for (int i = 0; i < n_samples; i++)
		if (strcmp(samples[i].name, name) == 0 &&
		    strcmp(samples[i].labels, labels) == 0)
			return samples[i].value;
	ck_abort_msg("no %s{%s} in:\n%s", name, labels, text);
	return 0;
}

START_TEST(a_new_engines_text_is_well_formed)
{
	struct usher *engine = engine_new("return {name = 'shop'}");

	read_text(engine);
	ck_assert_int_gt(n_samples, 30);
	for (int i = 0; i < n_samples; i++)
		if (strstr(samples[i].family, "_total") &&
		    strcmp(samples[i].name, "usher_states_made_total") != 0 &&
		    strcmp(samples[i].name, "usher_states_closed_total") != 0 &&
		    !strstr(samples[i].name, "generation"))
			ck_assert_msg(samples[i].value == 0, "%s{%s} %lu",
			    samples[i].name, samples[i].labels,
			    (unsigned long)samples[i].value);
	ck_assert_ptr_nonnull(strstr(text, "version=\"" PACKAGE_VERSION "\""));
	ck_assert_ptr_nonnull(strstr(text, "policy=\"shop\""));
	ck_assert_uint_gt(value_of("usher_store_size_bytes", ""), 1000000);
	ck_assert_uint_eq(value_of("usher_store_entries", ""), 0);
}
END_TEST

START_TEST(what_handshakes_did_is_there)
{
	int version = _i;
	struct usher *engine = engine_new(
	    "return {\n"
	    "  generate = function(conn) return {sni = conn.server_name} end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.data then return 'default' end\n"
	    "    if conn.server_name == 'bad.example' then error('no') end\n"
	    "    if ticket.data.sni ~= conn.server_name then\n"
	    "      return 'ignore_renew', 'other \"virtual\" host' end\n"
	    "    return 'use_renew', 'fine'\n"
	    "  end}");
	SSL_CTX *ctx = engine_server(engine, version);
	struct visit visit = {
	    .server = ctx, .version = version, .name = "a.example"};
	struct outcome first = visit_twice(&visit), again;

	ck_assert(first.resumed);
	visit.session = first.session;
	visit.name = "b.example";
	again = visit_run(&visit);
	ck_assert(!again.resumed);
	visit.name = "bad.example";
	again = visit_run(&visit);
	ck_assert(!again.resumed);
	read_text(engine);
	ck_assert_uint_eq(
	    value_of("usher_verdicts_total", "verdict=use_renew;"), 1);
	ck_assert_uint_ge(
	    value_of("usher_verdicts_total", "verdict=ignore_renew;"), 2);
	ck_assert_uint_eq(value_of("usher_reasons_total", "reason=fine;"), 1);
	ck_assert_uint_eq(
	    value_of("usher_reasons_total", "reason=other \"virtual\" host;"),
	    1);
	ck_assert_uint_eq(
	    value_of("usher_reasons_total", "reason=script error;"), 1);
	ck_assert_uint_eq(value_of("usher_reasons_total", "reason=other;"), 0);
	ck_assert_uint_eq(value_of("usher_errors_total", "kind=script;"), 1);
	ck_assert_uint_eq(
	    value_of("usher_failed_calls_total", "call=decrypt;"), 1);
	ck_assert_uint_eq(
	    value_of("usher_outcomes_total", "outcome=resumed;"), 1);
	ck_assert_uint_eq(
	    value_of("usher_outcomes_total", "outcome=not_resumed;"), 0);
}
END_TEST

/* The counters of a family have their values in labels. */
static uint64_t
value_of_stat(const char *name)
{
	static const struct {
		const char *stat, *name, *label;
	} labelled[] = {
	    {"use", "verdicts", "verdict=use;"},
	    {"use_renew", "verdicts", "verdict=use_renew;"},
	    {"ignore", "verdicts", "verdict=ignore;"},
	    {"ignore_renew", "verdicts", "verdict=ignore_renew;"},
	    {"abort", "verdicts", "verdict=abort;"},
	    {"decrypt_errors", "failed_calls", "call=decrypt;"},
	    {"generate_errors", "failed_calls", "call=generate;"},
	    {"errors_script", "errors", "kind=script;"},
	    {"errors_return", "errors", "kind=return;"},
	    {"errors_instructions", "errors", "kind=instructions;"},
	    {"errors_cpu_time", "errors", "kind=cpu_time;"},
	    {"errors_memory", "errors", "kind=memory;"},
	    {"errors_app_data", "errors", "kind=app_data;"},
	    {"errors_system", "errors", "kind=system;"},
	    {"resumed", "outcomes", "outcome=resumed;"},
	    {"not_resumed", "outcomes", "outcome=not_resumed;"},
	};
	char full[100];
	const char *label = "";

	for (size_t i = 0; i < sizeof labelled / sizeof *labelled; i++)
		if (strcmp(labelled[i].stat, name) == 0) {
			label = labelled[i].label;
			name = labelled[i].name;
			break;
		}
	snprintf(full, sizeof full, "usher_%s_total", name);
	return value_of(full, label);
}

START_TEST(every_member_is_there)
{
	struct ush_stats *stats = ush_stats_new();
	struct ush_metrics metrics = {.stats = stats, .version = "1"};
	struct ush_buffer out = {0};
	const char *wrong;

	for (int i = 0; i < USH_STATS; i++)
		for (int j = 0; j < 100 + i; j++)
			ush_stats_add(stats, (unsigned int)j, i);
	ush_metrics_write(&metrics, &out);
	ck_assert(!out.failed);
	wrong = parse(out.data);
	ck_assert_msg(!wrong, "%s in:\n%s", wrong, out.data);
	for (int i = 0; i < USH_STATS; i++)
		ck_assert_uint_eq(
		    value_of_stat(ush_stats_name(i)), 100u + (unsigned int)i);
	ck_assert(!is_there("usher_store_entries", ""));
	ush_buffer_fini(&out);
	ush_stats_free(stats);
}
END_TEST

START_TEST(reasons_of_any_bytes_come_back)
{
	struct ush_stats *stats = ush_stats_new();
	struct ush_metrics metrics = {.stats = stats,
	    .version = "1",
	    .policy = "a\"b\\c\nd",
	    .revision = "ff"};
	struct ush_buffer out = {0};
	const char *wrong;

	ush_stats_count_reason(stats, 0, "back\\slash, \"quotes\"\nand a line");
	ush_stats_count_reason(stats, 0, "} 17\nusher_fake_total 1\n");
	ush_stats_count_reason(stats, 0, "gr\xc3\xbc\xc3\x9f");
	ush_stats_count_reason(stats, 0, "cut \xc3");
	ush_stats_count_reason(stats, 0, "");
	ush_metrics_write(&metrics, &out);
	wrong = parse(out.data);
	ck_assert_msg(!wrong, "%s in:\n%s", wrong, out.data);
	value_of("usher_info", "version=1;policy=a\"b\\c\nd;revision=ff;");
	value_of("usher_reasons_total",
	    "reason=back\\slash, \"quotes\"\nand a line;");
	value_of("usher_reasons_total", "reason=} 17\nusher_fake_total 1\n;");
	value_of("usher_reasons_total", "reason=gr\xc3\xbc\xc3\x9f;");
	value_of("usher_reasons_total", "reason=cut ?;");
	value_of("usher_reasons_total", "reason=;");
	ck_assert(!is_there("usher_fake_total", ""));
	ush_buffer_fini(&out);
	ush_stats_free(stats);
}
END_TEST

/* Reasons that would be shown alike are one, and each is there once. */
START_TEST(reasons_that_look_alike_are_counted_as_one)
{
	static const char *const alike[][4] = {
	    {"no \xff", "no \xfe", "no \x01", "no ?"},
	    {"\x1b[1m", "?[1m", "\x7f[1m", "\r[1m"},
	    {"a\xc2\x80", "a?", "a\xe2\x80\xa8", "a\xff"},
	    {"turn\xe2\x80\xae", "turn?", "turn\xe2\x80\xa8", "turn\t"},
	    {"12345678", "12345678", "12345678", "12345678"},
	};
	static const char *const shown[] = {"reason=no ?;", "reason=?[1m;",
	    "reason=a?;", "reason=turn?;", "reason=12345678;"};
	struct ush_stats *stats = ush_stats_new();
	struct ush_metrics metrics = {.stats = stats, .version = "1"};
	struct ush_buffer out = {0};
	char longer[400], label[400] = "reason=";
	const char *wrong;

	for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
		for (int j = 0; j < 4; j++)
			ush_stats_count_reason(stats, 0, alike[i][j]);
	/* Cut before a character that would be cut in two. */
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	memcpy(longer + 158, "\xc3\xbc", 2);
	ush_stats_count_reason(stats, 0, longer);
	memset(label + 7, 'x', 158);
	memcpy(label + 165, ";", 2);
	ush_metrics_write(&metrics, &out);
	wrong = parse(out.data);
	ck_assert_msg(!wrong, "%s in:\n%s", wrong, out.data);
	for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
		ck_assert_uint_eq(value_of("usher_reasons_total", shown[i]), 4);
	ck_assert_uint_eq(value_of("usher_reasons_total", label), 1);
	ck_assert_uint_eq(stats->reasons.claimed, 6);
	ush_buffer_fini(&out);
	ush_stats_free(stats);
}
END_TEST

/* What another process has written where the texts are is shown once. */
START_TEST(texts_that_were_overwritten_are_there_once)
{
	struct ush_stats *stats = ush_stats_new();
	struct ush_metrics metrics = {.stats = stats, .version = "1"};
	struct ush_buffer out = {0};
	char reason[16];
	const char *wrong;

	for (int i = 0; i < USH_REASONS; i++) {
		snprintf(reason, sizeof reason, "reason %d", i);
		ush_stats_count_reason(stats, 0, reason);
	}
	memset(stats->reasons.texts, 0xff, sizeof stats->reasons.texts);
	ush_metrics_write(&metrics, &out);
	wrong = parse(out.data);
	ck_assert_msg(!wrong, "%s in:\n%s", wrong, out.data);
	ush_buffer_fini(&out);
	ush_stats_free(stats);
}
END_TEST

START_TEST(more_reasons_are_one)
{
	struct usher *engine =
	    engine_new("local n = 0\n"
		       "return {decrypt = function(conn, ticket)\n"
		       "  n = n + 1\n"
		       "  if n == 1 then return 'ignore_renew', 'other' end\n"
		       "  return 'ignore_renew', 'reason ' .. n\n"
		       "end}");
	SSL_CTX *ctx = engine_server(engine, TLS1_2_VERSION);
	struct visit visit = {.server = ctx, .version = TLS1_2_VERSION};
	int n = 0;

	for (int i = 0; i < 40; i++)
		visit_run(&visit);
	read_text(engine);
	for (int i = 0; i < n_samples; i++)
		n += strcmp(samples[i].name, "usher_reasons_total") == 0;
	ck_assert_int_eq(n, USH_REASONS); /* 31, and the others */
	ck_assert_uint_eq(value_of("usher_reasons_total", "reason=other;"), 9);
	ck_assert_uint_eq(
	    value_of("usher_reasons_total", "reason=reason 32;"), 1);
	ck_assert(!is_there("usher_reasons_total", "reason=reason 33;"));
}
END_TEST

START_TEST(the_parser_refuses)
{
#define HEAD "# HELP usher_a_total x\n# TYPE usher_a_total counter\n"
	static const char *const wrong[] = {"", "\n", "usher_a_total 1\n", HEAD,
	    HEAD "usher_a_total 1", HEAD "usher_a_total\n",
	    HEAD "usher_a_total x\n", HEAD "usher_b_total 1\n",
	    HEAD "usher_a_total{} 1\n", HEAD "usher_a_total{b=1} 1\n",
	    HEAD "usher_a_total{b=\"1} 1\n", HEAD "usher_a_total{b=\"\n\"} 1\n",
	    HEAD "usher_a_total{b=\"\\x\"} 1\n",
	    HEAD "usher_a_total{b=\"1\"c=\"2\"} 1\n",
	    HEAD "usher_a_total{1=\"1\"} 1\n",
	    HEAD "usher_a_total 1\nusher_a_total 1\n",
	    HEAD "usher_a_total 1\n\n" HEAD, HEAD "usher_a_total 1\n" HEAD,
	    HEAD "usher_a_total 1\n" HEAD "usher_a_total{b=\"\"} 1\n",
	    "# HELP usher_a x\n# TYPE usher_a counter\nusher_a 1\n",
	    "# HELP usher_a x\n# TYPE usher_a guage\nusher_a 1\n",
	    "# TYPE usher_a gauge\nusher_a 1\n"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(parse(wrong[i]) != NULL, "%s", wrong[i]);
	ck_assert_ptr_null(parse(HEAD "usher_a_total{b=\"1\",c=\"\\n\"} 1\n"));
}
END_TEST

static int
refuse_text(void *arg, const char *p, size_t len)
{
	(void)arg, (void)p, (void)len;
	return 1;
}

START_TEST(what_goes_wrong_is_told)
{
	struct usher *engine = engine_new("return {}");

	ck_assert_int_eq(usher_stats_write(NULL, refuse_text, NULL), -1);
	ck_assert_int_eq(usher_stats_write(engine, NULL, NULL), -1);
	ck_assert_int_eq(usher_stats_write(engine, refuse_text, NULL), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = engine_case("metrics", 20);

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, a_new_engines_text_is_well_formed);
	tcase_add_loop_test(tc, what_handshakes_did_is_there, TLS1_2_VERSION,
	    TLS1_3_VERSION + 1);
	tcase_add_test(tc, every_member_is_there);
	tcase_add_test(tc, reasons_of_any_bytes_come_back);
	tcase_add_test(tc, reasons_that_look_alike_are_counted_as_one);
	tcase_add_test(tc, texts_that_were_overwritten_are_there_once);
	tcase_add_test(tc, more_reasons_are_one);
	tcase_add_test(tc, the_parser_refuses);
	tcase_add_test(tc, what_goes_wrong_is_told);
	return tests_run(suite);
}
