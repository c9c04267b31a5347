/*
 * SPDX-License-Identifier: MIT
 *
 * One error, as the library hands it out: what kind, where in which script,
 * and a sentence for people. The caller owns the struct; nothing in it points
 * anywhere. Same layout as the public struct usher_error (src/usher.c checks).
 */
#ifndef USH_BASE_ERROR_H
#define USH_BASE_ERROR_H

#include <stddef.h>

enum ush_code {
	USH_OK = 0,
	USH_ERROR_ARGUMENT, /* an argument of a call, or an option's value */
	USH_ERROR_SYSTEM,   /* the system said no: memory, threads, OpenSSL */
	USH_ERROR_FILE,     /* a file can't be read */
	USH_ERROR_SYNTAX,   /* a script does not compile */
	USH_ERROR_SCRIPT,   /* a script raised an error, or has a wrong shape */
	USH_ERROR_RETURN,   /* a function returned what it may not */
	USH_ERROR_INSTRUCTIONS, /* limits: instructions of a call, */
	USH_ERROR_CPU_TIME,     /* processor time of a call, */
	USH_ERROR_MEMORY,       /* memory of a state, */
	USH_ERROR_APP_DATA,     /* bytes in a ticket */
	USH_ERROR_CONTEXT,      /* an SSL_CTX can't be attached as asked */
};

struct ush_error {
	enum ush_code code;
	int line;          /* in the script; 0 where there is none */
	char script[256];  /* path or name of the script, or "" */
	char message[768]; /* one line, "file:line: what; what to do" */
};

/*
 * Fills *err (NULL is allowed: nothing happens). `script` may be NULL, `line`
 * 0. Where there is a script, the message is prefixed by "script:line: ".
 * The formatted text is escaped as by ush_escape, and what does not fit is cut,
 * at a character's boundary, and ends in "...". Returns -1, so that callers can
 * `return ush_error_set(...)`.
 */
int ush_error_set(struct ush_error *err, enum ush_code code, const char *script,
    int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Copies `src` (len bytes) to dst, cap bytes with the final NUL, cut with "..."
 * where it does not fit. What can't be seen (ush_utf8_is_hidden), and what is
 * no UTF-8, is escaped as \xNN, byte by byte. */
void ush_escape(char *dst, size_t cap, const char *src, size_t len);

/* The same for what a peer named, where a line has more than it: one word of
 * ASCII, without blanks, quotes or anything that would not read back. "-",
 * which stands for nothing, is escaped too. */
void ush_escape_word(char *dst, size_t cap, const char *src, size_t len);

#endif
