/*
 * SPDX-License-Identifier: MIT
 *
 * Servers that clients wear out, and how they end a connection: usher serve,
 * and examples/embed. Real programs, real sockets, deadlines of a second.
 *
 * Scenarios:
 *  1. Who says nothing is sent away at the deadline
 *  2. A byte now and then in a handshake does not move it
 *  3. Nor does one in a request
 *  4. Without descriptors a server waits, says so in few lines, and goes on
 *     when some are given back
 *  5. usher serve: no more than --connections are open; the next one waits
 *  6. Each end of a connection begins with a close_notify: after an answer, a
 *     refused request, a client's own close_notify, at the deadline and when
 *     the server stops
 *  7. What a client has sent and nobody reads does not cost it the answer
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tls/cert.h"
#include "tls/suite.h"

#define PATIENCE_MS 20000
#define DEADLINE_MS 1000
#define DESCRIPTORS 24
#define HELD 40

static pid_t server;
static int port;
static char folder[] = "/tmp/usher-limits-XXXXXX";
static char log_path[64], cert_path[64], key_path[64];
static SSL_CTX *client;

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
try_connect(void)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
must_connect(void)
{
	int fd = try_connect();

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* A port that was free a moment ago. */
static int
free_port(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* In the child. */
static void
be_server(bool embed, const char *extra, rlim_t descriptors)
{
	struct rlimit limit = {descriptors, descriptors};
	char program[512], policy[512], address[32];
	const char *build = getenv("USHER_BUILD");
	int fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(fd, STDERR_FILENO);
	dup2(fd, STDOUT_FILENO);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	if (descriptors > 0)
		setrlimit(RLIMIT_NOFILE, &limit);
	snprintf(policy, sizeof(policy), "%s/examples/vhost.lua",
	    getenv("USHER_SRC"));
	snprintf(program, sizeof(program),
	    embed ? "%s/examples/embed/embed" : "%s/usher", build);
	snprintf(address, sizeof(address), embed ? "%d" : "127.0.0.1:%d", port);
	if (embed)
		execl(program, program, policy, cert_path, key_path, address,
		    "1", (char *)NULL);
	else
		execl(program, program, "serve", "--threads=1", "--deadline=1",
		    "--listen", address, "--cert", cert_path, "--key", key_path,
		    policy, extra, (char *)NULL);
	_exit(127);
}

static void
start(bool embed, const char *extra, rlim_t descriptors)
{
	long until = now_ms() + PATIENCE_MS;
	int fd;

	port = free_port();
	server = fork();
	if (server == 0)
		be_server(embed, extra, descriptors);
	ck_assert_int_gt(server, 0);
	while ((fd = try_connect()) < 0) {
		ck_assert_int_lt(now_ms(), until);
		ck_assert_int_eq(waitpid(server, NULL, WNOHANG), 0);
		poll(NULL, 0, 20);
	}
	close(fd);
}

static void
stop(void)
{
	if (server > 0) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

/* Whether the peer ends the connection by this moment. */
static bool
ends_by(int fd, long moment)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[256];
	long left;

	while ((left = moment - now_ms()) > 0 && poll(&p, 1, (int)left) > 0)
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return true;
	return false;
}

static SSL *
handshake(int version)
{
	SSL *ssl = SSL_new(client);

	ck_assert_int_eq(SSL_set_fd(ssl, must_connect()), 1);
	ck_assert_int_eq(SSL_set_min_proto_version(ssl, version), 1);
	ck_assert_int_eq(SSL_set_max_proto_version(ssl, version), 1);
	ck_assert_int_eq(SSL_connect(ssl), 1);
	return ssl;
}

/* Reads to the end. The answer's bytes; -1 if there was no close_notify. */
static int
read_all(SSL *ssl)
{
	char bytes[1024];
	int n, sum = 0;

	while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
		sum += n;
	return SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN ? sum : -1;
}

static void
part(SSL *ssl)
{
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

/* What the server answers to this; -1 if it ends without close_notify. */
static int
visit(int version, const char *request)
{
	SSL *ssl = handshake(version);
	int n;

	if (*request)
		ck_assert_int_gt(
		    SSL_write(ssl, request, (int)strlen(request)), 0);
	n = read_all(ssl);
	part(ssl);
	return n;
}

START_TEST(silence_ends_at_the_deadline)
{
	long began = now_ms();
	int fd;

	start(_i == 1, NULL, 0);
	fd = must_connect();
	ck_assert(ends_by(fd, now_ms() + PATIENCE_MS));
	ck_assert_int_ge(now_ms() - began, DEADLINE_MS);
	close(fd);
}
END_TEST

/* A hello of 512 bytes, one each 100 ms: without a deadline it would take 51
 * seconds. */
START_TEST(a_byte_now_and_then_does_not_hold_a_handshake)
{
	const char record[] = "\x16\x03\x01\x02\x00\x01";
	long until;
	int fd, n;

	start(_i == 1, NULL, 0);
	fd = must_connect();
	until = now_ms() + PATIENCE_MS;
	for (n = 0; !ends_by(fd, now_ms() + 100); n++) {
		ck_assert_int_lt(now_ms(), until);
		send(fd, record + (n < 5 ? n : 5), 1, MSG_NOSIGNAL);
	}
	close(fd);
}
END_TEST

START_TEST(nor_a_request)
{
	struct pollfd p = {.events = POLLIN};
	SSL *ssl;
	long until;

	start(_i == 1, NULL, 0);
	ssl = handshake(TLS1_3_VERSION);
	p.fd = SSL_get_fd(ssl);
	fcntl(p.fd, F_SETFL, O_NONBLOCK);
	until = now_ms() + PATIENCE_MS;
	while (read_all(ssl) < 0) {
		ck_assert_int_lt(now_ms(), until);
		SSL_write(ssl, "G", 1);
		poll(&p, 1, 100);
	}
	part(ssl);
}
END_TEST

static int
count_lines(const char *with)
{
	FILE *file = fopen(log_path, "r");
	char line[4096];
	int n = 0;

	while (fgets(line, sizeof(line), file))
		n += strstr(line, with) != NULL;
	fclose(file);
	return n;
}

START_TEST(without_descriptors_a_server_waits)
{
	long until = now_ms() + PATIENCE_MS;
	int fds[HELD], n;

	start(_i == 1, NULL, DESCRIPTORS);
	for (n = 0; n < HELD; n++)
		fds[n] = must_connect();
	while (count_lines("Too many open files") == 0) {
		ck_assert_int_lt(now_ms(), until);
		ck_assert_int_eq(waitpid(server, NULL, WNOHANG), 0);
		poll(NULL, 0, 20);
	}
	/* Half the time that the first of them have left. */
	poll(NULL, 0, DEADLINE_MS / 2);
	ck_assert_int_le(count_lines(""), 3);
	for (n = 0; n < HELD; n++)
		close(fds[n]);
	ck_assert_int_gt(visit(TLS1_3_VERSION, "GET / HTTP/1.0\r\n\r\n"), 0);
	ck_assert_int_eq(waitpid(server, NULL, WNOHANG), 0);
}
END_TEST

START_TEST(the_next_connection_waits)
{
	struct pollfd p = {.events = POLLIN};
	int fds[3];

	start(false, "--connections=3", 0);
	/* Each is answered, so each is open. */
	for (int n = 0; n < 3; n++) {
		fds[n] = must_connect();
		send(fds[n], "\x16\x03\x01", 3, MSG_NOSIGNAL);
	}
	p.fd = must_connect();
	/* What is no TLS is answered at once, where anybody listens. */
	send(p.fd, "no TLS\r\n", 8, MSG_NOSIGNAL);
	ck_assert_int_eq(poll(&p, 1, DEADLINE_MS / 3), 0);
	close(fds[0]);
	ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(count_lines("the next have to wait"), 1);
	for (int n = 1; n < 3; n++)
		close(fds[n]);
	close(p.fd);
}
END_TEST

START_TEST(each_end_has_a_close_notify)
{
	static const char *const requests[] = {
	    "GET / HTTP/1.0\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
	    "GET /metrics HTTP/1.0\n\n",
	    "HEAD / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
	    "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
	    "nonsense\r\n\r\n",
	    "GET\r\n\r\n",
	    "\r\n\r\n",
	};
	int version = _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION;
	bool embed = _i / 2;
	SSL *ssl;

	start(embed, NULL, 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		ck_assert_int_gt(visit(version, requests[i]), 0);
	/* Nothing asked until the deadline. */
	ck_assert_int_ge(visit(version, ""), 0);
	/* The client says that it is done. */
	ssl = handshake(version);
	ck_assert_int_ge(SSL_shutdown(ssl), 0);
	ck_assert_int_ge(read_all(ssl), 0);
	part(ssl);
	if (embed)
		return;
	ssl = handshake(version);
	/* A request that is not complete: the server has been here. */
	ck_assert_int_eq(SSL_write(ssl, "G", 1), 1);
	stop();
	ck_assert_int_eq(read_all(ssl), 0);
	part(ssl);
}
END_TEST

START_TEST(bytes_that_nobody_reads_do_not_cost_the_answer)
{
	static char bytes[100000] = "POST / HTTP/1.0\r\n\r\n";
	SSL *ssl;

	memset(bytes + 19, 'x', sizeof(bytes) - 19);
	start(_i == 1, NULL, 0);
	for (int n = 0; n < 20; n++) {
		ssl = handshake(TLS1_3_VERSION);
		ck_assert_int_gt(SSL_write(ssl, bytes, sizeof(bytes)), 0);
		ck_assert_int_gt(read_all(ssl), 0);
		part(ssl);
	}
}
END_TEST

static void
write_pair(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	FILE *file = fopen(cert_path, "w");

	cert_use(ctx, CERT_SERVER);
	PEM_write_X509(file, SSL_CTX_get0_certificate(ctx));
	fclose(file);
	file = fopen(key_path, "w");
	PEM_write_PrivateKey(
	    file, SSL_CTX_get0_privatekey(ctx), NULL, NULL, 0, NULL, NULL);
	fclose(file);
	SSL_CTX_free(ctx);
}

static void
before(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(log_path, sizeof(log_path), "%s/log", folder);
	snprintf(cert_path, sizeof(cert_path), "%s/cert", folder);
	snprintf(key_path, sizeof(key_path), "%s/key", folder);
	write_pair();
	client = SSL_CTX_new(TLS_client_method());
}

static void
after(void)
{
	stop();
	SSL_CTX_free(client);
	unlink(log_path);
	unlink(cert_path);
	unlink(key_path);
	rmdir(folder);
}

/* Each test with both servers. */
static void
add_both(TCase *tcase, const TTest *test)
{
	tcase_add_loop_test(tcase, test, 0, 2);
}

int
main(void)
{
	Suite *suite = suite_create("serve_limits");
	TCase *tcase = tcase_create("limits");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, before, after);
	add_both(tcase, silence_ends_at_the_deadline);
	add_both(tcase, a_byte_now_and_then_does_not_hold_a_handshake);
	add_both(tcase, nor_a_request);
	add_both(tcase, without_descriptors_a_server_waits);
	tcase_add_test(tcase, the_next_connection_waits);
	tcase_add_loop_test(tcase, each_end_has_a_close_notify, 0, 4);
	add_both(tcase, bytes_that_nobody_reads_do_not_cost_the_answer);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
