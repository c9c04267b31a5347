/*
 * SPDX-License-Identifier: MIT
 *
 * Callbacks on stacks that are not a thread's usual one: on the fibers of
 * SSL_MODE_ASYNC, which have 32 KiB, and in threads with little.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. On a fiber, whatever a policy does, from the first use of a state on,
 *     takes no more stack than there is: policies of all sorts, recursion of
 *     any kind, errors, a shadow. Clients see whole handshakes.
 *  2. In a thread with a stack of any size that a handshake needs without us,
 *     there are whole handshakes, too.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <check.h>
#include <openssl/crypto.h>

#include "tls/attack.h"
#include "tls/policy.h"

/*
 * The fibers' stacks lie at the upper end of larger blocks, which are painted:
 * so what is used is seen, and what is used of others' memory.
 */
enum { FIBER = 32 * 1024, BLOCK = 256 * 1024, FIBERS = 8, PAINT = 0x5a };

enum { SKIPPED = 77 }; /* for Automake */

static unsigned char *fibers[FIBERS];

static void *
fiber_new(void)
{
	void *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; p != MAP_FAILED && i < FIBERS; i++) {
		if (fibers[i])
			continue;
		fibers[i] = memset(p, PAINT, BLOCK);
		return fibers[i] + BLOCK - FIBER;
	}
	return NULL;
}

static void *
ssl_malloc(size_t size, const char *file, int line)
{
	(void)line;
	if (size == FIBER && file && strstr(file, "async"))
		return fiber_new();
	return malloc(size);
}

static void *
ssl_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, size);
}

static void
ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	for (int i = 0; p && i < FIBERS; i++) {
		if (fibers[i] && p == fibers[i] + BLOCK - FIBER)
			return; /* it is looked at when all is over */
	}
	free(p);
}

/* The most that was used of any. */
static size_t
fiber_used(void)
{
	size_t most = 0, n;

	for (int i = 0; i < FIBERS && fibers[i]; i++) {
		for (n = 0; n < BLOCK && fibers[i][n] == PAINT; n++)
			;
		if (BLOCK - n > most)
			most = BLOCK - n;
	}
	return most;
}

static void
check_fibers(const char *what)
{
	size_t used = fiber_used();

	if (getenv("USHER_VERBOSE"))
		printf("%6zu bytes of a fiber: %.60s\n", used, what);
	ck_assert_msg(used > 0, "no fiber was used");
	ck_assert_msg(used <= FIBER, "%zu bytes of a fiber: %s", used, what);
}

static void
on_fiber(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_mode(conn->server, SSL_MODE_ASYNC);
}

/*
 * Policies
 */

#define BOTH(body) \
	"local function f(conn, ticket) " body " end " \
	"return { generate = f, decrypt = f }"

#define DEEP(body) \
	BOTH("local function leaf() " body " end " \
	     "local function deep() local ok = pcall(table.sort, { 2, 1 }," \
	     "  deep) if not ok then leaf() end end deep()")

static const char *const policies[] = {
    NULL,
    "return { generate = function() return { n = 1 } end,"
    "  decrypt = function(c, t) return t.data and 'use_renew' or 'default' "
    "end }",
    "return require('usher.bind') { name = 'b', server_name = true,"
    "  alpn = true, client_cert = true, network = true, hello = true }",
    "local usher = require 'usher' return require('usher.chain') {"
    "  require('usher.bind') { name = 'b', hello = true },"
    "  require('usher.age') { age = 3600 }, require('usher.standard') }",
    "local function deep(n) return n == 0 and { 1 } or { deep(n - 1) } end "
    "return { generate = function() return deep(15) end,"
    "  decrypt = function(c, t) return t.data and 'use_renew' end }",
    "local function deep(n) return n == 0 and { 1 } or { deep(n - 1) } end "
    "return { generate = function() return deep(1000) end }",
    BOTH("print(('x'):rep(5000), conn.server_name, ticket)"),
    BOTH("conn.vars.x = ('x'):rep(5000) return conn.nothing"),
    BOTH("error(('x'):rep(100000))"),
    BOTH("error(setmetatable({}, { __tostring = error }))"),
    BOTH("return f(conn, ticket) + 1"),
    "local function f() return 1 + f() end "
    "return { generate = f, decrypt = f }",
    "local function f() return (pcall(f)) end "
    "return { generate = f, decrypt = f }",
    "local function f() local a, b = pcall(f) if not a then error(b, 0) end "
    "end return { generate = f, decrypt = f }",
    "local function f() return xpcall(f, f) end "
    "return { generate = f, decrypt = f }",
    "local function f() return (('x'):gsub('x', f)) end "
    "return { generate = f, decrypt = f }",
    "local function f() for a in ('x'):gmatch('x') do f() end end "
    "return { generate = f, decrypt = f }",
    "local function f() table.sort({ 2, 1, 3 }, f) end "
    "return { generate = f, decrypt = f }",
    "local t t = setmetatable({}, { __tostring = function() "
    "return string.format('x%s', t) end }) "
    "local function f() return tostring(t) end "
    "return { generate = f, decrypt = f }",
    "local t t = setmetatable({}, { __tostring = function() "
    "print(t) return 'x' end }) local function f() print(t) end "
    "return { generate = f, decrypt = f }",
    "local m = {} local t = setmetatable({}, m) "
    "m.__index = function(_, k) return t[k .. k] end "
    "local function f() return t.x end return { generate = f, decrypt = f }",
    "local m = {} local t = setmetatable({}, m) "
    "m.__lt = function(a, b) table.sort { t, t, t } return true end "
    "local function f() return t < t end return { generate = f, decrypt = f }",
    BOTH("return ('a'):rep(5000):match(('(a-)'):rep(30) .. 'b')"),
    BOTH("return ('('):rep(100000):match('%b()')"),
    BOTH("return ('%5.99f %q %s'):format(1e300, ('x'):rep(9999), 'x')"),
    BOTH("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(i) end"),
    BOTH("while true do end"),
    BOTH("return { [1] = print }"),
    BOTH("return ('v'):rep(3000), ('r'):rep(3000)"),
    /* At the end of a recursion, what takes most of the stack. */
    DEEP("(('a'):rep(5000)):match(('(a-)'):rep(30) .. 'b')"),
    DEEP("(('('):rep(1000)):match('%b()')"),
    DEEP("(('x'):rep(5000)):gsub('(x-)*', '%1%1')"),
    DEEP("print(('%5.99f %q'):format(1e300, ('x'):rep(999)))"),
    DEEP("print(require('usher').random(32), os.date('%c'))"),
    DEEP("error(('x'):rep(5000))"),
    DEEP("return conn.no_such_thing"),
    DEEP("conn.vars.x = ('x'):rep(99)"),
    DEEP("return conn.hello.ciphers[1], conn.hello.groups[1]"),
    DEEP("return conn.client_cert, ticket.data, ticket.previous"),
    DEEP("require('usher.store'):incr('x', 1, 9)"),
    DEEP("return require('usher.ip').parse('::1'), conn.peer_address"),
    BOTH("return require('usher').random(32)"),
    BOTH("return require('usher').sha256(('x'):rep(9999))"),
};
#define POLICIES (int)(sizeof policies / sizeof *policies)

/* Three visits, of which the later two have tickets to show. */
static void
visit_thrice(struct visit *visit, const char *what)
{
	struct outcome saw;

	for (int i = 0; i < 3; i++) {
		saw = visit_run(visit);
		ck_assert_msg(saw.echoed, "alert %d: %s", saw.alert, what);
		visit->session = saw.session;
	}
}

START_TEST(what_a_policy_does_on_a_fiber_stays_within_it)
{
	const char *text = policies[_i / VERSIONS];
	struct engine_spec spec = {.text = text, .store_size = 1 << 20};
	struct visit visit = {.version = version_of(_i),
	    .name = "a.example",
	    .alpn = "h2,http/1.1",
	    .prepare = on_fiber};

	spec.cpu_time_limit = 200000;
	visit.server = engine_server(engine_make(&spec), visit.version);
	server_alpn(visit.server);
	visit_thrice(&visit, text ? text : "standard");
	check_fibers(text ? text : "standard");
}
END_TEST

START_TEST(what_a_shadow_does_on_a_fiber_stays_within_it)
{
	const char *text = policies[_i / VERSIONS];
	struct engine_spec spec = {.text = policies[1], .store_size = 1 << 20};
	struct visit visit = {.version = version_of(_i), .prepare = on_fiber};
	struct usher_error error = {0};
	struct usher *engine;

	if (!text)
		return;
	spec.cpu_time_limit = 200000;
	engine = engine_make(&spec);
	visit.server = engine_server(engine, visit.version);
	ck_assert_msg(usher_shadow_text(
			  engine, "shadow", text, strlen(text), &error) == 0,
	    "%s", error.message);
	visit_thrice(&visit, text);
	ck_assert(visit_run(&visit).resumed);
	check_fibers(text);
}
END_TEST

/*
 * Small threads
 */

enum { STEP_KIB = 2, LARGE_KIB = 80 };

struct errand {
	struct visit visit;
	int visits;
	struct outcome saw[3];
};

static void *
errand_main(void *arg)
{
	struct errand *errand = arg;

	for (int i = 0; i < errand->visits; i++) {
		errand->saw[i] = visit_run(&errand->visit);
		errand->visit.session = errand->saw[i].session;
	}
	return NULL;
}

/* Does it in a thread that has so many bytes of stack; how many it took. */
static size_t
run_with_stack(struct errand *errand, size_t size)
{
	unsigned char *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;
	size_t n = 0;

	ck_assert_ptr_ne(block, MAP_FAILED);
	memset(block, PAINT, BLOCK);
	pthread_attr_init(&attr);
	ck_assert_int_eq(
	    pthread_attr_setstack(&attr, block + BLOCK - size, size), 0);
	ck_assert_int_eq(
	    pthread_create(&thread, &attr, errand_main, errand), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	while (n < BLOCK && block[n] == PAINT)
		n++;
	munmap(block, BLOCK);
	return BLOCK - n;
}

static size_t
plain_use(int version)
{
	struct errand errand = {.visit = {.version = version}, .visits = 1};
	size_t used;

	errand.visit.server = server_new(version);
	run_with_stack(&errand, LARGE_KIB * 1024);
	used = run_with_stack(&errand, LARGE_KIB * 1024);
	ck_assert(errand.saw[0].echoed);
	return used;
}

START_TEST(a_small_thread_has_whole_handshakes)
{
	const char *text = policies[_i / VERSIONS];
	struct engine_spec spec = {.text = text, .store_size = 1 << 20};
	struct errand errand = {
	    .visit = {.version = version_of(_i), .name = "a.example"},
	    .visits = 3};
	size_t size, used;

	spec.cpu_time_limit = 200000;
	size = (plain_use(errand.visit.version) + 4095) / 1024 * 1024;
	errand.visit.server =
	    engine_server(engine_make(&spec), errand.visit.version);
	for (; size <= LARGE_KIB * 1024; size += STEP_KIB * 1024) {
		errand.visit.session = NULL;
		used = run_with_stack(&errand, size);
		if (getenv("USHER_VERBOSE"))
			printf("%6zd bytes left of %zu: %.60s\n",
			    (ssize_t)(size - used), size,
			    text ? text : "standard");
		ck_assert_msg(used <= size, "%zu of %zu bytes: %s", used, size,
		    text ? text : "standard");
		for (int i = 0; i < errand.visits; i++)
			ck_assert(errand.saw[i].echoed);
	}
	ck_assert(_i / VERSIONS > 0 || errand.saw[2].resumed);
}
END_TEST

static TCase *
fibers_case(void)
{
	TCase *tcase = engine_case("fibers", 60);

	tcase_add_loop_test(tcase,
	    what_a_policy_does_on_a_fiber_stays_within_it, 0,
	    POLICIES * VERSIONS);
	tcase_add_loop_test(tcase,
	    what_a_shadow_does_on_a_fiber_stays_within_it, 0,
	    POLICIES * VERSIONS);
	tcase_add_loop_test(
	    tcase, a_small_thread_has_whole_handshakes, 0, POLICIES * VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite;

	if (ATTACK_SANITIZED) {
		puts("a sanitizer can't follow fibers, its frames are larger");
		return SKIPPED;
	}
	/* Before OpenSSL allocates anything. */
	if (!CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free))
		return EXIT_FAILURE;
	suite = suite_create("async");
	suite_add_tcase(suite, fibers_case());
	return tests_run(suite);
}
