/*
 * SPDX-License-Identifier: MIT
 *
 * When a handshake leaves its generation: after the last callback that it can
 * still expect, so that a connection of hours keeps no old one. A ticket that
 * is asked for later is the active generation's.
 */
#ifndef USH_TLS_LEAVE_H
#define USH_TLS_LEAVE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "tls/conn.h"

/* To be called last by either callback. */
void ush_leave_decrypt(SSL *ssl, struct ush_conn *conn);
void ush_leave_generate(SSL *ssl, struct ush_conn *conn, bool ended);

/* Is this handshake's ticket made before the client has sent its Finished? */
bool ush_is_before_finished(const SSL *ssl);

#endif
