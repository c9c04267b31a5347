/*
 * SPDX-License-Identifier: MIT
 *
 * Whole scripts: a policy that grammar.c writes is loaded with small limits
 * and called as handshakes do it, through the pool, on a thread with a small
 * stack. Whatever it does, each call ends soon, what it says is printable, and
 * a healthy call after it is well. With USHER_FUZZ_SHOW in the environment,
 * scripts are printed.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "data/cbor.h"
#include "grammar.h"
#include "must.h"
#include "policy/engine.h"
#include "policy/generation.h"
#include "policy/pool.h"
#include "policy/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	INSTRUCTIONS = 20000,
	MICROSECONDS = 5000,
	MEMORY = 1 << 20,
	APP_DATA = 512,
	CALL_NS_MAX = 1000000000,
	LOAD_NS_MAX = 2000000000,
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
	STACK = 2 << 20, /* frames are larger in such a build */
#else
	STACK = 256 << 10,
#endif
};

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * What people get to read
 */

static void
check_text(const char *text)
{
	const char *at;

	for (at = text; *at != '\0'; at++)
		must((unsigned char)*at >= 0x20 && *at != 0x7f,
		    "a control character");
	for (at = text; (at = strstr(at, "0x")); at += 2)
		if (strspn(at + 2, "0123456789abcdefABCDEF") >= 8)
			must(false, text);
}

static void
check_error(const struct ush_error *err)
{
	must(err->code != USH_OK && err->message[0] != '\0', "an error");
	check_text(err->message);
	check_text(err->script);
}

static void
take_line(void *arg, enum ush_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	check_text(line);
}

/*
 * A provider: every fact is there
 */

struct provider {
	struct ush_facts facts;
	bool healthy;
	char var[32]; /* the value of all variables */
	size_t var_len;
};

static struct ush_bytes
bytes_of(const char *s, size_t len)
{
	return (struct ush_bytes){s, len};
}

static struct ush_bytes
string_fact(const struct provider *p, enum ush_fact_id id)
{
	static const char strange[] = "\0\x1b[31m\r\n\xff%s 0x";
	static char large[2000];

	if (id == USH_CONN_id)
		return p->healthy ? bytes_of("healthy", 7) : bytes_of("7", 1);
	if (id % 3 == 1)
		return bytes_of(strange, sizeof strange);
	return id % 3 == 2 ? bytes_of(large, sizeof large)
			   : bytes_of("www.a.example", 13);
}

static void
get(struct ush_facts *facts, enum ush_fact_id id, struct ush_fact_value *value)
{
	static const char data[] = "\xa3\x61k\x01\x61n\x18\x64\x64list"
				   "\x82\x01\xa1\x61"
				   "a\xf5";
	static const struct ush_cert cert = {
	    .subject = {"CN=a", 4}, .not_after = {true, INT64_MAX}};
	static const struct ush_hello hello = {
	    .ciphers = {(const unsigned char *)"\x13\1\x13\2", 2}};

	value->there = true;
	switch (ush_fact_infos[id].type) {
	case USH_FACT_STRING:
		value->as.string =
		    string_fact((const struct provider *)facts, id);
		break;
	case USH_FACT_DATA:
		value->as.string = bytes_of(data, sizeof data - 1);
		break;
	case USH_FACT_STRINGS:
		value->as.strings = bytes_of("\2h2\2\0\n", 6);
		break;
	case USH_FACT_CERT:
		value->as.cert = &cert;
		break;
	case USH_FACT_HELLO:
		value->as.hello = &hello;
		break;
	default:
		value->as.integer = id * 1000;
	}
}

static const char *
set(struct ush_facts *facts, enum ush_fact_id id, int64_t value)
{
	(void)facts;
	(void)id;
	return value < 0 ? "can't be negative" : NULL;
}

static struct ush_bytes
get_var(struct ush_facts *facts, struct ush_bytes name)
{
	const struct provider *p = (const struct provider *)facts;

	(void)name;
	return bytes_of(p->var, p->var_len);
}

static const char *
set_var(struct ush_facts *facts, struct ush_bytes name, struct ush_bytes value)
{
	struct provider *p = (struct provider *)facts;

	(void)name;
	if (value.len > sizeof p->var)
		return "is too long";
	if (value.len > 0)
		memcpy(p->var, value.p, value.len);
	p->var_len = value.len;
	return NULL;
}

static const struct ush_facts_ops ops = {get, set, get_var, set_var};

/*
 * Calls
 */

static enum ush_code
decrypt(struct ush_state *state, struct provider *provider,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_decrypt call = {
	    .facts = &provider->facts, .has_session = true};
	enum ush_code code = ush_state_decrypt(state, &call, allowance, err);

	if (code != USH_OK)
		return code;
	check_text(call.reason);
	if (provider->healthy)
		must(call.verdict == USH_VERDICT_IGNORE &&
			 strcmp(call.reason, "well") == 0,
		    "the healthy answer");
	return code;
}

static enum ush_code
generate(struct ush_state *state, struct provider *provider,
    struct ush_allowance *allowance, struct ush_error *err)
{
	struct ush_cbor_writer writer;
	struct ush_cbor_reader reader;
	struct ush_generate call = {
	    .facts = &provider->facts, .writer = &writer};
	enum ush_code code;

	ush_cbor_writer_init(&writer, state->buffer, APP_DATA);
	code = ush_state_generate(state, &call, allowance, err);
	if (code != USH_OK)
		return code;
	check_text(call.reason);
	must(call.string_len <= APP_DATA, "the string fits");
	if (call.content == USH_CONTENT_TABLE) {
		ush_cbor_reader_init(
		    &reader, state->buffer, ush_cbor_written(&writer));
		must(ush_cbor_skip(&reader) == 0 && ush_cbor_at_end(&reader),
		    "one table");
	}
	return code;
}

/* Enters a state, calls, leaves it. USH_ERROR_SYSTEM: there was no state.
 * *room: what was left of its memory. */
static enum ush_code
call(struct ush_generation *g, struct provider *provider, bool is_generate,
    size_t *room)
{
	uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	struct ush_allowance allowance = {
	    .instructions = INSTRUCTIONS, .cpu_ns = MICROSECONDS * 1000u};
	struct ush_error err = {0};
	struct ush_state *state = ush_pool_enter(g, &err);
	enum ush_code code = USH_ERROR_SYSTEM;

	if (state) {
		must(ush_box_memory(state->box) <= MEMORY, "memory before");
		*room = MEMORY - ush_box_memory(state->box);
		code = is_generate ? generate(state, provider, &allowance, &err)
				   : decrypt(state, provider, &allowance, &err);
		must(ush_box_memory(state->box) <= MEMORY, "memory after");
		must(code == err.code, "the error's code");
		ush_pool_leave(state);
	}
	if (code != USH_OK)
		check_error(&err);
	must(now_ns(CLOCK_THREAD_CPUTIME_ID) - start < CALL_NS_MAX,
	    "a call ends soon");
	return code;
}

/* The state may be full of what the script keeps; the next one is not, unless
 * the script's top level fills it, or does not run twice. */
static void
call_healthy(struct ush_generation *g)
{
	struct provider provider = {{&ops}, true, "", 0};
	size_t room = 0;
	enum ush_code code = call(g, &provider, false, &room);

	if (code == USH_ERROR_MEMORY)
		code = call(g, &provider, false, &room);
	must(code == USH_OK || code == USH_ERROR_SYSTEM ||
		 (code == USH_ERROR_MEMORY && room < MEMORY / 2),
	    "a healthy call is well");
}

static void *
thread_main(void *arg)
{
	struct ush_engine *engine = arg;
	ush_engine_ptr where = engine;
	struct provider provider = {{&ops}, false, "", 0};
	bool engineless;
	struct ush_slot *slot = ush_pool_pin(&where, NULL, &engineless);
	struct ush_generation *g;
	size_t room;

	must(slot != NULL, "a pin");
	g = ush_pool_generation(slot);
	/* A script's top level may have returned a table of its own. */
	if (g->has_decrypt) {
		call(g, &provider, false, &room);
		call_healthy(g);
		call(g, &provider, true, &room);
		call_healthy(g);
		call(g, &provider, false, &room);
	}
	ush_pool_unpin(slot);
	return NULL;
}

static void
call_on_thread(struct ush_engine *engine)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	must(pthread_attr_setstacksize(&attr, STACK) == 0, "a stack");
	must(pthread_create(&thread, &attr, thread_main, engine) == 0, "run");
	pthread_attr_destroy(&attr);
	pthread_join(thread, NULL);
}

static struct ush_engine *
load(const struct ush_buffer *script)
{
	uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct ush_error err = {0};
	struct ush_engine *engine,
	    config = {.source = {.name = strdup("fuzz.lua"),
			  .text = strdup(ush_buffer_text(script)),
			  .len = script->len},
		.limits = {MEMORY, INSTRUCTIONS, MICROSECONDS, APP_DATA,
		    1 << 20},
		.log = {.fn = take_line}};

	engine = ush_engine_new(&config, &err);
	must(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start < LOAD_NS_MAX,
	    "a script is loaded soon");
	if (!engine) {
		check_error(&err);
		free(config.source.name);
		free(config.source.text);
	}
	return engine;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ush_buffer script = {0};
	struct ush_engine *engine;

	grammar_write(&script, data, size);
	if (getenv("USHER_FUZZ_SHOW"))
		fputs(ush_buffer_text(&script), stderr);
	engine = load(&script);
	if (engine) {
		call_on_thread(engine);
		ush_engine_unref(engine);
	}
	ush_buffer_fini(&script);
	return 0;
}
