/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` keeps about one connection: the app data that its ticket
 * brought.
 */
#include "cli/visit.h"

#include <stdlib.h>

static int visit_index = -1;

static void
visit_free(
    void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct ush_visit *visit = ptr;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (visit)
		OPENSSL_free(visit->data);
	free(visit);
}

/* Comes with every step of a handshake. Once a session is resumed, it is the
 * ticket's until the first new ticket is made. */
static void
visit_step(const SSL *ssl, int where, int ret)
{
	struct ush_visit *visit = SSL_get_ex_data(ssl, visit_index);
	SSL_SESSION *session = SSL_get_session(ssl);
	void *data;
	size_t len;

	(void)where;
	(void)ret;
	if (!visit || visit->seen || !session || !SSL_session_reused(ssl))
		return;
	visit->seen = true;
	if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) == 1 && data)
		visit->data = OPENSSL_memdup(data, len);
	visit->len = visit->data ? len : 0;
}

int
ush_visit_init(SSL_CTX *ctx)
{
	if (visit_index < 0)
		visit_index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, visit_free);
	SSL_CTX_set_info_callback(ctx, visit_step);
	return visit_index < 0 ? -1 : 0;
}

int
ush_visit_begin(SSL *ssl)
{
	struct ush_visit *visit = calloc(1, sizeof(*visit));

	if (!visit || SSL_set_ex_data(ssl, visit_index, visit) != 1) {
		free(visit);
		return -1;
	}
	return 0;
}

const struct ush_visit *
ush_visit_get(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, visit_index);
}
