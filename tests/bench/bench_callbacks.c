/*
 * SPDX-License-Identifier: MIT
 *
 * bench_callbacks lua|plain VISITS POLICY: a first visit, and VISITS that
 * resume its ticket in TLS 1.3, under the policy in Lua or the same one as
 * plain C callbacks. To be run under callgrind, see bench.sh. With 0 visits it
 * prints the bytes of the app data instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls/harness.h"
#include "usher.h"

#define SERVER_NAME "shop.example"

/* What the plain policy stores. */
struct stored {
	time_t auth_time;
	char sni[64], tenant[16];
};

int bench_plain_generate(SSL *ssl, void *arg);
SSL_TICKET_RETURN bench_plain_decrypt(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t key_name_len,
    SSL_TICKET_STATUS status, void *arg);

/* The session of a resumed handshake still has what its ticket carried. */
static time_t
auth_time_of(SSL *ssl)
{
	void *data;
	size_t len;

	if (!SSL_session_reused(ssl))
		return time(NULL);
	SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &len);
	return len == sizeof(struct stored)
		   ? ((const struct stored *)data)->auth_time
		   : 0;
}

int
bench_plain_generate(SSL *ssl, void *arg)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct stored stored = {.tenant = "acme"};

	(void)arg;
	stored.auth_time = auth_time_of(ssl);
	if (sni)
		strncpy(stored.sni, sni, sizeof stored.sni - 1);
	return SSL_SESSION_set1_ticket_appdata(session, &stored, sizeof stored);
}

static int
is_sni(SSL *ssl, const char *name)
{
	const unsigned char *ext;
	size_t len;

	return SSL_client_hello_get0_ext(ssl, 0, &ext, &len) == 1 && len > 5 &&
	       strlen(name) == len - 5 && memcmp(ext + 5, name, len - 5) == 0;
}

SSL_TICKET_RETURN
bench_plain_decrypt(SSL *ssl, SSL_SESSION *session,
    const unsigned char *key_name, size_t key_name_len,
    SSL_TICKET_STATUS status, void *arg)
{
	struct stored stored;
	void *data;
	size_t len;

	(void)key_name, (void)key_name_len, (void)arg;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	SSL_SESSION_get0_ticket_appdata(session, &data, &len);
	if (len != sizeof stored)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	memcpy(&stored, data, sizeof stored);
	if (!is_sni(ssl, stored.sni) || time(NULL) - stored.auth_time > 86400)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
					    : SSL_TICKET_RETURN_USE_RENEW;
}

static struct usher *
attach(SSL_CTX *ctx, const char *policy)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;

	usher_options_set_script_file(options, policy);
	engine = usher_new(options, &error);
	if (!engine || usher_attach(engine, ctx, 0, &error) != 0) {
		fprintf(stderr, "%s\n", error.message);
		exit(1);
	}
	usher_options_free(options);
	return engine;
}

/* The server's view of the first ticket's app data. */
static size_t
app_data_len(const struct visit *visit)
{
	struct conn *conn = conn_open(visit);
	void *data;
	size_t len;

	SSL_SESSION_get0_ticket_appdata(
	    SSL_get_session(conn->server), &data, &len);
	conn_close(conn);
	return len;
}

int
main(int argc, char **argv)
{
	struct visit visit = {.version = TLS1_3_VERSION, .name = SERVER_NAME};
	struct usher *engine = NULL;
	int visits;

	if (argc != 4) {
		fprintf(stderr, "usage: %s lua|plain VISITS POLICY\n", argv[0]);
		return 2;
	}
	visit.server = server_new(TLS1_3_VERSION);
	if (strcmp(argv[1], "lua") == 0)
		engine = attach(visit.server, argv[3]);
	else
		SSL_CTX_set_session_ticket_cb(visit.server,
		    bench_plain_generate, bench_plain_decrypt, NULL);
	visits = atoi(argv[2]);
	if (visits == 0)
		printf("%zu\n", app_data_len(&visit));
	visit.session = visit_run(&visit).session;
	while (visits-- > 0)
		if (!visit_run(&visit).resumed) {
			fprintf(stderr, "a visit was not resumed\n");
			return 1;
		}
	harness_clear();
	usher_free(engine);
	return 0;
}
