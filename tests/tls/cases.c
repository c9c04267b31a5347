/*
 * SPDX-License-Identifier: MIT
 *
 * The manual page's tables, and the visits that bring each status about.
 */
#include "cases.h"

#include <stdio.h>

#include <check.h>

#include "session.h"

#define V12 TLS1_2_VERSION
#define V13 TLS1_3_VERSION
#define D12 DTLS1_2_VERSION

const struct ticket_case ticket_cases[] = {
    {V12, KEYS_DEFAULT, 1, OFFER_NOTHING, SSL_TICKET_EMPTY, 0},
    {V12, KEYS_DEFAULT, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {V12, KEYS_DEFAULT, 1, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_DEFAULT, 1, OFFER_UNKNOWN, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_DEFAULT, 1, OFFER_SHORT, SSL_TICKET_NO_DECRYPT, 1},
    {V12, KEYS_OLD, 1, OFFER_NOTHING, SSL_TICKET_EMPTY, 0},
    {V12, KEYS_OLD, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {V12, KEYS_OLD, 2, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
    {V12, KEYS_OLD, 0, OFFER_TICKET, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_OLD, -1, OFFER_TICKET, -1, 0},
    {V12, KEYS_OLD, 1, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_EVP, 1, OFFER_NOTHING, SSL_TICKET_EMPTY, 0},
    {V12, KEYS_EVP, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {V12, KEYS_EVP, 2, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
    {V12, KEYS_EVP, 0, OFFER_TICKET, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_EVP, -1, OFFER_TICKET, -1, 0},
    {V12, KEYS_EVP, 2, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V12, KEYS_EVP, 1, OFFER_SHORT, SSL_TICKET_NO_DECRYPT, 1},
    {V13, KEYS_DEFAULT, 1, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
    {V13, KEYS_DEFAULT, 1, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_DEFAULT, 1, OFFER_UNKNOWN, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_DEFAULT, 1, OFFER_SHORT, SSL_TICKET_NO_DECRYPT, 1},
    {V13, KEYS_OLD, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {V13, KEYS_OLD, 2, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
    {V13, KEYS_OLD, 0, OFFER_TICKET, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_OLD, -1, OFFER_TICKET, -1, 0},
    {V13, KEYS_OLD, 1, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_EVP, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {V13, KEYS_EVP, 2, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
    {V13, KEYS_EVP, 0, OFFER_TICKET, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_EVP, -1, OFFER_TICKET, -1, 0},
    {V13, KEYS_EVP, 2, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {V13, KEYS_EVP, 1, OFFER_SHORT, SSL_TICKET_NO_DECRYPT, 1},
    {D12, KEYS_DEFAULT, 1, OFFER_NOTHING, SSL_TICKET_EMPTY, 0},
    {D12, KEYS_DEFAULT, 1, OFFER_TICKET, SSL_TICKET_SUCCESS, 16},
    {D12, KEYS_DEFAULT, 1, OFFER_ALTERED, SSL_TICKET_NO_DECRYPT, 16},
    {D12, KEYS_EVP, 2, OFFER_TICKET, SSL_TICKET_SUCCESS_RENEW, 16},
};
const size_t ticket_cases_count = sizeof ticket_cases / sizeof *ticket_cases;

const char *
case_label(const struct ticket_case *one)
{
	static const char *const forms[] = {
	    "default keys", "old key callback", "EVP key callback"};
	static const char *const offers[] = {"no ticket", "a ticket",
	    "an altered ticket", "a ticket of an unknown key",
	    "one byte of a ticket"};
	static char label[128];

	snprintf(label, sizeof label, "%s, %s (answer %d), %s",
	    one->version == V12   ? "TLS 1.2"
	    : one->version == V13 ? "TLS 1.3"
				  : "DTLS 1.2",
	    forms[one->form], one->answer, offers[one->offer]);
	return label;
}

struct case_outcome
case_expect(int version, int status, int answer)
{
	struct case_outcome want = {0, 0, 0};
	int session =
	    status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
	int full = version == V13 ? 2 : 1;

	if (answer == SSL_TICKET_RETURN_IGNORE_RENEW) {
		want.tickets = full;
	} else if (session && answer == SSL_TICKET_RETURN_USE) {
		want.resumed = 1;
	} else if (session && answer == SSL_TICKET_RETURN_USE_RENEW) {
		want.resumed = 1;
		want.tickets = 1;
	} else if (answer != SSL_TICKET_RETURN_IGNORE) {
		want.alert = SSL_AD_INTERNAL_ERROR;
	}
	return want;
}

int
case_default(int status)
{
	if (status == SSL_TICKET_SUCCESS)
		return SSL_TICKET_RETURN_USE;
	if (status == SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_USE_RENEW;
	return SSL_TICKET_RETURN_IGNORE_RENEW;
}

static SSL_SESSION *
case_session(const struct ticket_case *one, SSL_CTX *server)
{
	struct visit visit = {.server = server, .version = one->version};
	struct outcome first;

	if (one->offer == OFFER_NOTHING)
		return NULL;
	keys_set_answer(1);
	first = visit_run(&visit);
	ck_assert_msg(first.echoed && first.session != NULL,
	    "%s: the first visit brings a ticket", case_label(one));
	switch (one->offer) {
	case OFFER_ALTERED:
		return session_altered(first.session, -1);
	case OFFER_UNKNOWN:
		return session_altered(first.session, 0);
	case OFFER_SHORT:
		return session_short(first.session, 1);
	default:
		return first.session;
	}
}

struct outcome
case_run(const struct ticket_case *one, SSL_CTX *server,
    void (*between)(void *arg), void *arg)
{
	struct visit visit = {.server = server, .version = one->version};

	keys_install(server, one->form);
	visit.session = case_session(one, server);
	if (between)
		between(arg);
	keys_set_answer(one->answer);
	return visit_run(&visit);
}

void
case_check(const struct ticket_case *one, int answer,
    const struct case_outcome *want, const struct outcome *saw)
{
	const char *label = case_label(one);

	ck_assert_msg(saw->alert == want->alert,
	    "%s, answer %d: alert %d, not %d", label, answer, saw->alert,
	    want->alert);
	ck_assert_msg(
	    saw->completed == !want->alert && saw->echoed == !want->alert,
	    "%s, answer %d: completed %d, echoed %d", label, answer,
	    saw->completed, saw->echoed);
	ck_assert_msg(saw->resumed == want->resumed,
	    "%s, answer %d: resumed %d, not %d", label, answer, saw->resumed,
	    want->resumed);
	ck_assert_msg(saw->tickets == want->tickets,
	    "%s, answer %d: %d tickets, not %d", label, answer, saw->tickets,
	    want->tickets);
}
