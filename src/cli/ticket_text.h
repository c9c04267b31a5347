/*
 * SPDX-License-Identifier: MIT
 *
 * App data of a ticket, for people to read.
 */
#ifndef USH_CLI_TICKET_TEXT_H
#define USH_CLI_TICKET_TEXT_H

#include "base/buffer.h"

/* Appends lines, each beginning with two spaces, about `len` bytes of app
 * data. Any bytes will do: what is no envelope is said to be none. */
void ush_ticket_text(struct ush_buffer *out, const void *data, size_t len);

/* A line whose value a client has named: one word, whatever it is. NULL: "-".
 */
void ush_ticket_text_word(
    struct ush_buffer *out, const char *name, const char *value, size_t len);

/* One such line: a name padded to a column, and a value, which is escaped;
 * NULL: "-". */
void ush_ticket_text_line(
    struct ush_buffer *out, const char *name, const char *value);

#endif
