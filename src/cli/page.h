/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` answers: a text about the connection, the decision, and
 * the ticket.
 */
#ifndef USH_CLI_PAGE_H
#define USH_CLI_PAGE_H

#include <openssl/ssl.h>

#include "base/buffer.h"

struct usher;

void ush_page_text(SSL *ssl, struct ush_buffer *out);

/* For /metrics. */
void ush_page_metrics(struct usher *engine, struct ush_buffer *out);

#endif
