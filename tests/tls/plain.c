/*
 * SPDX-License-Identifier: MIT
 *
 * OpenSSL's two ticket callbacks in plain C.
 */
#include "plain.h"

#include <string.h>

#include "cases.h"
#include "harness.h"

struct plain plain;

static int
gen(SSL *ssl, void *arg)
{
	(void)arg;
	plain.gen_runs++;
	if (plain.in_gen)
		plain.in_gen(ssl, SSL_get_session(ssl));
	return plain.gen_answer;
}

static SSL_TICKET_RETURN
dec(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
    SSL_TICKET_STATUS status, void *arg)
{
	(void)name;
	(void)arg;
	plain.dec_runs++;
	plain.status = status;
	plain.name_len = name_len;
	if (plain.in_dec)
		plain.in_dec(ssl, session);
	return plain.answer == PLAIN_DEFAULT ? case_default(status)
					     : plain.answer;
}

void
plain_reset(void *arg)
{
	(void)arg;
	memset(&plain, 0, sizeof plain);
	plain.answer = PLAIN_DEFAULT;
	plain.gen_answer = 1;
	plain.status = -1;
}

SSL_CTX *
plain_server(int version)
{
	SSL_CTX *server = server_new(version);

	plain_reset(NULL);
	SSL_CTX_set_session_ticket_cb(server, gen, dec, NULL);
	return server;
}

void
plain_read_data(SSL *ssl, SSL_SESSION *session)
{
	void *data = NULL;
	size_t len;

	(void)ssl;
	SSL_SESSION_get0_ticket_appdata(session, &data, &len);
	plain.data_len = len;
	if (len > sizeof plain.data)
		len = sizeof plain.data;
	if (len > 0)
		memcpy(plain.data, data, len);
}
