/*
 * SPDX-License-Identifier: MIT
 *
 * SSL_CTX_set_session_ticket_cb(3) as tables: how each status comes about, in
 * each version and with each form of ticket keys, and what the client sees
 * after each return value. Shared by the tests of plain callbacks and those of
 * policies.
 */
#ifndef TESTS_TLS_CASES_H
#define TESTS_TLS_CASES_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "harness.h"
#include "keys.h"

enum case_offer {
	OFFER_NOTHING, /* a first visit */
	OFFER_TICKET,  /* the ticket of an earlier visit */
	OFFER_ALTERED, /* with one bit changed */
	OFFER_UNKNOWN, /* made with another key */
	OFFER_SHORT    /* one byte of it */
};

struct ticket_case {
	int version;
	enum keys_form form;
	int answer; /* of the key callback, when it decrypts */
	enum case_offer offer;
	int status;  /* that the callback is to see; -1: it is not called */
	size_t name; /* length of the key name that it is to see */
};

extern const struct ticket_case ticket_cases[];
extern const size_t ticket_cases_count;

/* "TLS 1.3, old key callback says 2, altered ticket": a static string. */
const char *case_label(const struct ticket_case *one);

/* What the client is to see. */
struct case_outcome {
	int alert;
	int resumed;
	int tickets;
};

/* After `answer`, an SSL_TICKET_RETURN or any other number. */
struct case_outcome case_expect(int version, int status, int answer);

/* The answer that changes nothing. */
int case_default(int status);

/*
 * Runs a case on `server`, a context of the case's version with its callbacks
 * set: the visit that brings the ticket first, if there is one, then `between`
 * (NULL: nothing), then the visit that the case is about.
 */
struct outcome case_run(const struct ticket_case *one, SSL_CTX *server,
    void (*between)(void *arg), void *arg);

/* Fails the test unless the client saw what is expected. */
void case_check(const struct ticket_case *one, int answer,
    const struct case_outcome *want, const struct outcome *saw);

#endif
