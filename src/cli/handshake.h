/*
 * SPDX-License-Identifier: MIT
 *
 * Handshakes in memory, for `usher test`: a client of OpenSSL's that visits a
 * server of OpenSSL's, and what both saw. One thread.
 */
#ifndef USH_CLI_HANDSHAKE_H
#define USH_CLI_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "usher.h"

enum { USH_VISIT_NOTES = 24, USH_VISIT_SESSIONS = 8 };

/* One decision that was made in it. */
struct ush_visit_note {
	enum usher_call call;
	const char *status, *verdict; /* static; status NULL in generate */
	char reason[160];             /* "": none */
	uint64_t instructions;
	bool failed; /* the script did: */
	struct usher_error error;
};

struct ush_visit_notes {
	unsigned int n; /* decisions beyond the array are not kept */
	struct ush_visit_note note[USH_VISIT_NOTES];
};

void ush_visit_note(
    struct ush_visit_notes *notes, const struct usher_decision *decision);

/* What the client asks for. */
struct ush_visit_ask {
	SSL_CTX *server;
	int version;          /* TLS1_2_VERSION or TLS1_3_VERSION */
	const char *name;     /* or NULL */
	SSL_SESSION *session; /* or NULL */
	X509 *cert;           /* or NULL: with its key */
	EVP_PKEY *key;
	const unsigned char *alpn; /* in wire format; or NULL */
	size_t alpn_len;
	const char *groups; /* as SSL_set1_groups_list; or NULL */
	const char *early;  /* early data; or NULL */
	size_t early_len;
	/* Before the first byte, for the server's side. 0 or -1. */
	int (*prepare)(SSL *server, void *arg);
	void *arg;
};

/* What came of it. Sessions are the caller's. */
struct ush_visit_saw {
	bool completed, resumed;
	bool early_accepted;
	unsigned int tickets; /* NewSessionTicket messages */
	int alert;            /* the fatal one that the client got; 0: none */
	int client_alert;     /* or that it sent */
	char failure[160];    /* OpenSSL's reason, where it failed */
	unsigned int n_sessions;
	SSL_SESSION *sessions[USH_VISIT_SESSIONS];
	SSL *server; /* the server's side, for usher_conn_*; the caller's */
};

/* 0, or -1 if it could not even begin (saw->failure says why). */
int ush_handshake_run(
    const struct ush_visit_ask *ask, struct ush_visit_saw *saw);

#endif
