/*
 * SPDX-License-Identifier: MIT
 *
 * Real handshakes in memory, and what the client saw of them.
 *
 * A visit describes one connection; conn_* run it step by step, visit_run at
 * once. Contexts and sessions that the harness hands out belong to the test and
 * are freed by harness_clear, which every test case has as its teardown:
 *
 *	SSL_CTX *server = server_new(TLS1_3_VERSION);
 *	struct visit visit = {.server = server, .name = "a.example"};
 *	struct outcome first = visit_run(&visit);
 *
 *	visit.session = first.session;
 *	ck_assert(visit_run(&visit).resumed);
 */
#ifndef TESTS_TLS_HARNESS_H
#define TESTS_TLS_HARNESS_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "wire.h"

#define OUTCOME_SESSIONS 8

/* What the client saw. */
struct outcome {
	int completed; /* the client finished the handshake */
	int echoed;    /* and a byte went to the server and came back */
	int alert;     /* the fatal alert that came; 0 for none */
	int sent;      /* the fatal alert that the client sent; 0 for none */
	int resumed;
	int retries;  /* HelloRetryRequests */
	int answered; /* a ServerHello came (no alert before it) */
	int selected; /* the PSK identity that it selected; -1 for none */
	int tickets;  /* new tickets in this connection */
	int early;    /* early data were accepted, and arrived whole */
	/* Those tickets; `session` is the last, or the one that the connection
	 * ran under if there was no ticket (1.2); NULL if none. */
	SSL_SESSION *sessions[OUTCOME_SESSIONS];
	SSL_SESSION *session;
};

struct conn;
typedef void (*conn_fn)(struct conn *conn, void *arg);
/* May free and replace *flight: what the client has written, `nth` (1, 2...)
 * counts its flights. */
typedef void (*flight_fn)(
    unsigned char **flight, size_t *len, int nth, void *arg);

/* One connection to be. Everything but `server` may be left zero. */
struct visit {
	SSL_CTX *server;
	SSL *on;         /* run it on this SSL of the server's, not a new one */
	SSL_CTX *client; /* NULL: one is made */
	int version;     /* that the client speaks; 0: TLS 1.3 */
	const char *name;
	const char *alpn;   /* "h2,http/1.1" */
	const char *groups; /* the client's; the first gets a key share */
	int cert;           /* enum cert_who that the client shows; 0: none */
	const char *psk;    /* an external PSK of this identity is offered */
	SSL_SESSION *session;
	const char *early; /* early data, sent if the session allows any */
	conn_fn prepare;   /* before the first byte */
	conn_fn retry;     /* after a HelloRetryRequest, before the answer */
	flight_fn rewrite;
	void *arg; /* of the three */
};

struct conn {
	SSL *client;
	SSL *server;
	struct wire *wire;
	struct visit visit;
	struct outcome saw;
	int done[2];   /* by enum wire_end */
	int failed[2]; /* the same */
	int flights;
	int early_to_write;
	int early_to_read;
	size_t early_read;
};

/* A server's context with a certificate and a session-id context; `version` is
 * all it speaks, 0 means TLS 1.2 and 1.3. DTLS1_2_VERSION for datagrams. */
SSL_CTX *server_new(int version);
/* Lets the server choose the client's first ALPN protocol. */
void server_alpn(SSL_CTX *ctx);
/* Lets it switch to another context when the client sends a server name; with
 * NULL it only takes the name. */
void server_switch(SSL_CTX *ctx, SSL_CTX *to);
/* Lets the server take early data, with OpenSSL's anti-replay off. */
void server_early(SSL_CTX *ctx, unsigned int max);
/* Lets the server know the external PSK of this identity. */
void server_psk(SSL_CTX *ctx, const char *identity);
/* A server's context that only takes P-384, so that a client whose key share
 * is X25519 gets a HelloRetryRequest. */
void server_retry(SSL_CTX *ctx);
#define GROUPS_RETRY "X25519:P-384"

SSL_CTX *client_new(int version);

/* Gives a context or a session to harness_clear. */
void harness_keep_ctx(SSL_CTX *ctx);
SSL_SESSION *harness_keep_session(SSL_SESSION *session);
/* Frees all contexts and sessions. */
void harness_clear(void);
/* Frees one now; and the sessions of a visit. Safe from any thread. */
void harness_drop_ctx(SSL_CTX *ctx);
void harness_drop_sessions(struct outcome *saw);
/* Of a test with one thread: whatever it has been given. */
void harness_drop_all_sessions(void);

/* The whole visit: handshake, echo, close. Safe from any thread. */
struct outcome visit_run(const struct visit *visit);

/* The same in steps. conn_new prepares both ends; nothing is sent yet. */
struct conn *conn_new(const struct visit *visit);
/* One end handshakes as far as it gets; what it wrote is delivered. Returns
 * the number of bytes. */
size_t conn_flight(struct conn *conn, enum wire_end end);
/* Flights to and fro until both are done or nothing moves. */
void conn_handshake(struct conn *conn);
/* A byte there and back; reads the tickets that came in 1.3. */
void conn_echo(struct conn *conn);
/* Both: conn_new, conn_handshake, conn_echo. */
struct conn *conn_open(const struct visit *visit);
/* What the end asked for is done (renegotiation, post-handshake authentication,
 * another ticket: a call of SSL_renegotiate or the like came before), with an
 * echo after it. */
void conn_restart(struct conn *conn, enum wire_end end);
/* For visit.prepare: the client has its ticket as it came, but not its keys. */
void conn_break_keys(struct conn *conn, void *arg);
/* close_notify both ways; frees everything but the sessions. */
struct outcome conn_close(struct conn *conn);

#endif
