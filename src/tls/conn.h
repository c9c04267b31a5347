/*
 * SPDX-License-Identifier: MIT
 *
 * What is kept of a connection from one callback to the next: in the SSL's
 * ex_data, made by the first callback (or the host's first usher_conn_ call),
 * freed with the SSL. Belongs to the thread that has the SSL.
 *
 * All but the host's part belongs to one handshake. Ex_data survive SSL_clear
 * and renegotiation, so each callback first asks whether it is still the same
 * handshake; conn.c says how that is known.
 */
#ifndef USH_TLS_CONN_H
#define USH_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "data/envelope.h"
#include "lib/crypto.h"
#include "policy/pool.h"
#include "tls/beside.h"
#include "tls/hello.h"
#include "tls/vars.h"

enum {
	USH_RANDOM_LEN = 16,    /* bytes of a random value (32) looked at */
	USH_KEY_NAME_LEN = 16,  /* of a ticket key */
	USH_CARRIED_ROOM = 128, /* bytes of app data kept without malloc */
};

/* The verdict on a ticket of the first ClientHello, for the second one. The
 * server name that it was given for is the handshake's. */
struct ush_memory {
	bool valid;
	bool has_reason; /* the handshake's reason is this verdict's */
	bool
	    lists_read; /* by the script; the second hello's must be the same */
	bool has_digest; /* else nothing is, then */
	/* The above says what of this holds. */
	enum ush_verdict verdict;
	unsigned int session_id_len;
	unsigned char session_id[SSL_MAX_SSL_SESSION_ID_LENGTH];
	unsigned char digest[USH_SHA256_LEN]; /* of the lists, if read */
};

/* What the last ticket of the handshake was given as app data, to tell what
 * its sibling inherits from what the host sets meanwhile. */
struct ush_written {
	enum ush_written_kind {
		USH_WRITTEN_NOTHING, /* left as they were */
		USH_WRITTEN_ENVELOPE,
		USH_WRITTEN_STRING,
	} kind;
	unsigned char id[USH_ENVELOPE_ID]; /* of the envelope */
	unsigned char *string;             /* owned */
	size_t len;
};

/* The part that belongs to one handshake. */
struct ush_handshake {
	uint64_t generation; /* number of the one that decides; 0: none */
	uint64_t generation_beside; /* and of the shadow */
	bool gone;               /* it has taken too long: neither is there */
	struct ush_slot *pin;    /* during a callback: the one that decides, */
	struct ush_slot *shadow; /* and the one beside it, or NULL */
	struct ush_beside *beside; /* what that has said; NULL: nothing yet */
	bool canary;               /* a shadow decides */
	bool has_server_random;
	bool begun;
	bool retry;                  /* a second ClientHello is being read */
	struct ush_allowance set_up; /* what new states have spent */
	BIO *bio;            /* that the ClientHello came from; a reference */
	uint64_t bytes_read; /* from it, at that moment */

	/* decrypt */
	unsigned int runs;
	enum ush_verdict verdict;
	bool decided;
	bool has_server_name; /* has it been looked for in this hello? */
	bool odd_server_name; /* the client asks for what is no host's name */
	bool early_data_declined;
	uint32_t max_early_data; /* before that */
	char *reason;            /* of the verdict: owned; NULL: none */

	/* The ticket to be resumed with: a reference, NULL if none; and its
	 * app data as they came, since the host may set others later on. */
	SSL_SESSION *session;
	unsigned char *carried; /* `room`, or owned */
	size_t carried_len;
	enum ush_envelope_kind kind; /* what they are */
	SSL_TICKET_STATUS status;
	size_t key_name_len;

	/* generate */
	bool counted;                  /* what came of the verdict */
	unsigned int tickets;          /* made so far */
	struct ush_allowance generate; /* what that has spent */
	int64_t generate_short;        /* since when little is left */
	struct ush_written written;
	unsigned char *host; /* app data set by the host, a copy */
	size_t host_len;

	/* What is not zeroed when a handshake begins, from the verdict in
	 * here on: other members say what is valid. */
	struct ush_memory memory;
	struct ush_allowance allowance; /* for all runs of decrypt */
	size_t server_name_len;
	long timeout; /* of the session, before generate assigned any */
	struct ush_envelope envelope; /* what the carried app data say */
	char server_name[USH_SERVER_NAME_MAX + 1];
	unsigned char room[USH_CARRIED_ROOM];
	unsigned char key_name[USH_KEY_NAME_LEN];
	unsigned char client_random[USH_RANDOM_LEN];
	unsigned char server_random[USH_RANDOM_LEN];
};

/* An address as scripts may see it. */
union ush_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* As SSL_set_info_callback takes it. */
typedef void (*ush_info_fn)(const SSL *ssl, int where, int ret);

/* Kept below what malloc serves from its thread's own cache. */
struct ush_conn {
	struct ush_vars vars;
	/* The host's, while ours stands before it: see leave.c. */
	ush_info_fn host_info, first_info;
	bool watching;
	uint64_t number;
	unsigned int shard;
	bool has_peer;
	union ush_address peer; /* set by the host */
	struct ush_handshake now;
};

/* Indices for ex_data. 0, or -1 if OpenSSL has none to give. Once. */
int ush_conn_init(void);

/* The record of an SSL; NULL if there is none. */
struct ush_conn *ush_conn_get(const SSL *ssl);
/* The same, made if need be; NULL when memory is short. */
struct ush_conn *ush_conn_need(SSL *ssl);

/* Lets the generation go that the handshake began with, and the one beside it.
 * The next callback, if there is one, takes the one that is active then. */
void ush_conn_leave(struct ush_conn *conn);

/* To be called first by either callback: the record, its `now` begun anew if
 * this is another handshake than last time. NULL when memory is short. */
struct ush_conn *ush_conn_decrypt(SSL *ssl);
struct ush_conn *ush_conn_generate(SSL *ssl);

/*
 * Keeps the session that the handshake may resume, by a reference, and a copy
 * of its app data, which `now.envelope` was read from if they are one; NULL:
 * none. -1 when memory is short (then there is none).
 */
int ush_conn_set_session(struct ush_conn *conn, SSL_SESSION *session,
    const void *app_data, size_t len, enum ush_envelope_kind kind);

/* Called by the ex_data when an SSL of an attached context is freed. */
typedef void (*ush_conn_end_fn)(SSL *ssl, struct ush_conn *conn);
void ush_conn_on_end(ush_conn_end_fn fn);

#endif
