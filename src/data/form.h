/*
 * SPDX-License-Identifier: MIT
 *
 * What the entries of a list are, where they are not just any strings. Of each
 * such form there are many spellings, and one of them is the key: entries and
 * what is looked up are both made that, so that no entry can be written that
 * never matches. What is of no known spelling is refused.
 */
#ifndef USH_DATA_FORM_H
#define USH_DATA_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum ush_form {
	USH_FORM_NONE,        /* any string, as it is */
	USH_FORM_SERIAL,      /* a certificate's serial number, in hex digits */
	USH_FORM_SHA256,      /* 64 hex digits */
	USH_FORM_CERTIFICATE, /* either of these */
	USH_FORM_ID,          /* a ticket's: 16 hex digits */
	USH_FORM_KEY_NAME,    /* of a ticket key: 32 hex digits */
	USH_FORM_HEX,         /* an even number of hex digits */
	USH_FORM_HOST,        /* a host's name, "*" or "*.domain" */
	USH_FORMS,
};

enum {
	USH_FORM_ROOM = 512, /* for a key, with the NUL */
	USH_FORM_WHY = 256,  /* for what is wrong with an entry */
};

/* As scripts call them; NULL for none. */
const char *ush_form_name(enum ush_form form);
bool ush_form_find(const char *name, enum ush_form *form);

enum ush_form_entry {
	USH_FORM_WRONG = -1,
	USH_FORM_ENTRY,
	USH_FORM_SKIP, /* it says of itself that it does not count */
};

/*
 * The key of a list's entry, with a NUL, in `to`, which has room for
 * USH_FORM_ROOM bytes, or for len + 1: a key is never longer than the entry.
 * `to` may be `p`. What is wrong, and what to write, goes to `why`.
 */
enum ush_form_entry ush_form_entry(enum ush_form form, const char *p,
    size_t len, char *to, char why[USH_FORM_WHY]);

/* The key of what is looked up: a fact, or a spelling of it. 0, or -1. */
int ush_form_ask(enum ush_form form, const char *p, size_t len,
    char to[USH_FORM_ROOM], char why[USH_FORM_WHY]);

/* A key as facts write it: serial numbers have whole bytes. In place. */
void ush_form_plain(enum ush_form form, char key[USH_FORM_ROOM]);

#endif
