/*
 * SPDX-License-Identifier: MIT
 *
 * Hex digits come as openssl(1) and others print them ("B0:1D", "b01d",
 * "0xB01D"), with what stands before them in a line:
 *
 * - "serial=B01DFACE00" (x509 -serial)
 * - "Serial Number: 1234 (0x4d2)" (x509 -text; a large one has a line of its
 *   own, which may begin with "(Negative)")
 * - "Serial Number: B01DFACE00" (crl -text, in hex digits)
 * - "sha256 Fingerprint=B0:1D:..." (x509 -fingerprint -sha256)
 * - lines of ca's index.txt, whose fields tabs part
 *
 * A key of a serial number has no zeros in front: that is how it can't be
 * longer than what it was read from. Nothing is cut from the others, which have
 * a fixed length.
 */
#include "data/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/host.h"

enum {
	SHOWN = 48,
	SERIAL_MAX = 2 * 64, /* digits that a certificate's fact can have */
	SERIAL_BYTES = 20,
	SHA256_DIGITS = 64,
	KEY_NAME_LEN = 16,
};

static const struct {
	const char *name, *what, *write;
	size_t digits; /* how many it has; 0: any number */
} forms[] = {
    [USH_FORM_NONE] = {NULL, NULL, NULL, 0},
    [USH_FORM_SERIAL] = {"serial", "serial number",
	"write hex digits, as openssl x509 -serial prints them", 0},
    [USH_FORM_SHA256] = {"sha256", "SHA-256 fingerprint",
	"write 64 hex digits, as openssl x509 -fingerprint -sha256 prints them",
	SHA256_DIGITS},
    [USH_FORM_CERTIFICATE] = {"certificate",
	"serial number or SHA-256 fingerprint",
	"write hex digits, as openssl x509 -serial and -fingerprint -sha256 "
	"print them",
	0},
    [USH_FORM_ID] = {"id", "ticket's id", "write 16 hex digits, as ticket.id",
	16},
    [USH_FORM_KEY_NAME] = {"key_name", "name of a ticket key",
	"write its 16 bytes as 32 hex digits", 2 * KEY_NAME_LEN},
    [USH_FORM_HEX] = {"hex", "even number of hex digits",
	"write two for each byte", 0},
    [USH_FORM_HOST] = {"host", "host's name",
	"write it as clients send it: letters, digits, '-' and '_' (of names "
	"in other scripts the form with xn--), or a star and a dot before it",
	0},
};

const char *
ush_form_name(enum ush_form form)
{
	return forms[form].name;
}

bool
ush_form_find(const char *name, enum ush_form *form)
{
	for (int i = USH_FORM_NONE + 1; i < USH_FORMS; i++)
		if (strcmp(forms[i].name, name) == 0) {
			*form = (enum ush_form)i;
			return true;
		}
	return false;
}

/* A piece of an entry. */
struct piece {
	const char *p, *end;
};

static void
trim(struct piece *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
	while (s->end > s->p && (s->end[-1] == ' ' || s->end[-1] == '\t'))
		s->end--;
}

/* Takes a word off the start, in upper or lower case, and blanks around it. */
static bool
take(struct piece *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->p) < len || strncasecmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	trim(s);
	return true;
}

/* One of `words` and a sign of equality or a colon behind it. */
static bool
take_label(struct piece *s, const char *const *words)
{
	struct piece rest;

	for (; *words; words++) {
		rest = *s;
		if (take(&rest, *words) &&
		    (take(&rest, "=") || take(&rest, ":"))) {
			*s = rest;
			return true;
		}
	}
	return false;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Hex digits without anything, or in groups of whole bytes with one and the
 * same sign between them: a colon, or blanks. Their number, in `to` with a NUL;
 * 0 if it is anything else, or more than `to` is sure to have room for.
 */
static size_t
read_digits(struct piece s, char *to)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0, group = 0;
	char between = '\0', c;
	bool whole = true;
	int value;

	take(&s, "0x");
	while (s.p < s.end) {
		c = *s.p++;
		value = digit(c);
		if (value >= 0) {
			if (n == USH_FORM_ROOM - 2)
				return 0;
			to[n++] = digits[value];
			group++;
			continue;
		}
		c = c == '\t' ? ' ' : c;
		if ((c != ':' && c != ' ') || group == 0 ||
		    (between != '\0' && c != between))
			return 0;
		while (c == ' ' && s.p < s.end && (*s.p == ' ' || *s.p == '\t'))
			s.p++;
		whole = whole && group % 2 == 0;
		between = c;
		group = 0;
	}
	if (group == 0 || (between != '\0' && (!whole || group % 2 != 0)))
		return 0;
	to[n] = '\0';
	return n;
}

/*
 * Serial numbers
 */

/* "1234 (0x4d2)": the piece becomes what is in the brackets, if both are the
 * same. */
static bool
take_decimal(struct piece *s)
{
	const char *open = memchr(s->p, '(', (size_t)(s->end - s->p));
	char text[24], hex[24];
	size_t len = open ? (size_t)(open - s->p) : 0;

	if (len == 0 || len >= sizeof text || s->end[-1] != ')' ||
	    (size_t)(s->end - open) >= sizeof hex)
		return false;
	memcpy(text, s->p, len);
	text[len] = '\0';
	len = (size_t)(s->end - open) - 2;
	memcpy(hex, open + 1, len);
	hex[len] = '\0';
	if (strspn(text, "-0123456789 ") != strlen(text) ||
	    (strncmp(hex, "0x", 2) != 0 && strncmp(hex, "-0x", 3) != 0) ||
	    (text[0] == '-') != (hex[0] == '-') ||
	    strtoull(text, NULL, 10) != strtoull(hex, NULL, 16))
		return false;
	s->p = open + 1;
	s->end--;
	return true;
}

/* The serial's field of a line in openssl ca's index.txt, and whether the
 * certificate is revoked. False: it is no such line. */
static bool
take_index(struct piece *s, bool *revoked)
{
	const char *p = s->p, *tab;
	struct piece field[4];

	if (s->end - p < 2 || p[1] != '\t' || !memchr("RVE", *p, 3))
		return false;
	for (int i = 0; i < 4; i++) {
		tab = memchr(p, '\t', (size_t)(s->end - p));
		if (!tab)
			return false;
		field[i] = (struct piece){p, tab};
		p = tab + 1;
	}
	*revoked = *s->p == 'R';
	if (*revoked == (field[2].p == field[2].end))
		return false;
	*s = field[3];
	return true;
}

/* No certificate's number has more than 20 bytes (RFC 5280, 4.1.2.2); in
 * decimal, as some programs print it, it has more digits than it may have in
 * hex. Read as hex it would be nobody's. */
static bool
is_decimal(struct piece s)
{
	const char *p = s.p + (s.p < s.end && *s.p == '-');

	if (s.end - p <= 2 * SERIAL_BYTES || *p == '0')
		return false;
	while (p < s.end && *p >= '0' && *p <= '9')
		p++;
	return p == s.end;
}

/* `any`: so many digits as a fingerprint has are a number too. */
static enum ush_form_entry
read_serial(struct piece s, char *to, bool any)
{
	static const char *const labels[] = {
	    "serial", "serial number", "serial number (hex)", NULL};
	bool negative = false, revoked = true;
	char digits[USH_FORM_ROOM];
	size_t n, zeros;

	if (take_index(&s, &revoked) || take_label(&s, labels)) {
		trim(&s);
		any = true;
		if (s.p < s.end &&
		    memchr(s.p + 1, '(', (size_t)(s.end - s.p - 1)) &&
		    !take_decimal(&s))
			return USH_FORM_WRONG;
	} else if (!any && is_decimal(s))
		return USH_FORM_WRONG;
	if (take(&s, "(Negative)") || take(&s, "-"))
		negative = true;
	n = read_digits(s, digits);
	zeros = strspn(digits, "0");
	if (n == 0 || (n == SHA256_DIGITS && !any) || n - zeros > SERIAL_MAX)
		return USH_FORM_WRONG;
	if (!revoked)
		return USH_FORM_SKIP;
	if (zeros == n) {
		zeros--;
		negative = false;
	}
	if (negative)
		*to++ = '-';
	memcpy(to, digits + zeros, n - zeros + 1);
	return USH_FORM_ENTRY;
}

/*
 * Those of a fixed length
 */

static enum ush_form_entry
read_fixed(enum ush_form form, struct piece s, char *to)
{
	static const char *const fingerprint[] = {
	    "sha256 fingerprint", "sha-256 fingerprint", "sha256", NULL};
	char digits[USH_FORM_ROOM];
	size_t n;

	if (form == USH_FORM_SHA256)
		take_label(&s, fingerprint);
	n = read_digits(s, digits);
	if (n == 0 || n % 2 != 0 ||
	    (forms[form].digits != 0 && n != forms[form].digits))
		return USH_FORM_WRONG;
	memcpy(to, digits, n + 1);
	return USH_FORM_ENTRY;
}

static enum ush_form_entry
read_host(struct piece s, char *to)
{
	if (s.end - s.p == 1 && *s.p == '*') {
		memcpy(to, "*", 2);
		return USH_FORM_ENTRY;
	}
	if (s.end - s.p > 2 && s.p[0] == '*' && s.p[1] == '.') {
		memcpy(to, "*.", 2);
		s.p += 2;
		to += 2;
	}
	return ush_host_read(s.p, (size_t)(s.end - s.p), to) > 0
		   ? USH_FORM_ENTRY
		   : USH_FORM_WRONG;
}

/* Facts have whole bytes: one that is as long as a fingerprint is looked up
 * like one, with its zero. */
static enum ush_form_entry
read_certificate(struct piece s, char *to, bool any)
{
	enum ush_form_entry result;

	if (read_fixed(USH_FORM_SHA256, s, to) == USH_FORM_ENTRY)
		return USH_FORM_ENTRY;
	result = read_serial(s, to, any);
	if (result != USH_FORM_ENTRY || *to == '-' ||
	    strlen(to) != SHA256_DIGITS - 1)
		return result;
	if (s.end - s.p < SHA256_DIGITS)
		return USH_FORM_WRONG;
	memmove(to + 1, to, SHA256_DIGITS);
	*to = '0';
	return USH_FORM_ENTRY;
}

static enum ush_form_entry
read_entry(enum ush_form form, struct piece s, char *to, bool any)
{
	switch (form) {
	case USH_FORM_NONE:
		break;
	case USH_FORM_SERIAL:
		return read_serial(s, to, any);
	case USH_FORM_CERTIFICATE:
		return read_certificate(s, to, any);
	case USH_FORM_HOST:
		return read_host(s, to);
	default:
		return read_fixed(form, s, to);
	}
	return USH_FORM_WRONG;
}

/* A wrong entry may hold anything. */
static void
explain(enum ush_form form, struct piece s, char why[USH_FORM_WHY])
{
	char shown[SHOWN + 1];
	size_t n = 0;

	for (; s.p < s.end && n < SHOWN; s.p++)
		shown[n++] = *s.p >= ' ' && *s.p <= '~' ? *s.p : '?';
	shown[n] = '\0';
	snprintf(why, USH_FORM_WHY, "'%s%s' is no %s; %s", shown,
	    s.p < s.end ? "..." : "", forms[form].what, forms[form].write);
}

enum ush_form_entry
ush_form_entry(enum ush_form form, const char *p, size_t len, char *to,
    char why[USH_FORM_WHY])
{
	struct piece s = {p, p + len}, whole = s;
	enum ush_form_entry result;
	char head[SHOWN + 1];

	/* It may be overwritten by what is read. */
	if (len > sizeof head)
		whole.end = p + sizeof head;
	memcpy(head, p, (size_t)(whole.end - whole.p));
	trim(&s);
	result = read_entry(form, s, to, false);
	whole = (struct piece){head, head + (whole.end - whole.p)};
	if (result == USH_FORM_WRONG)
		explain(form, whole, why);
	return result;
}

int
ush_form_ask(enum ush_form form, const char *p, size_t len,
    char to[USH_FORM_ROOM], char why[USH_FORM_WHY])
{
	static const char digits[] = "0123456789abcdef";
	struct piece s = {p, p + len};

	if (form == USH_FORM_KEY_NAME && len <= KEY_NAME_LEN) {
		/* The fact's bytes; a short one is nobody's name. */
		for (size_t i = 0; i < len; i++) {
			to[2 * i] = digits[(unsigned char)p[i] >> 4];
			to[2 * i + 1] = digits[(unsigned char)p[i] & 15];
		}
		to[2 * len] = '\0';
		return 0;
	}
	trim(&s);
	if (read_entry(form, s, to, true) == USH_FORM_ENTRY)
		return 0;
	explain(form, s, why);
	return -1;
}

void
ush_form_plain(enum ush_form form, char key[USH_FORM_ROOM])
{
	char *digits = key + (key[0] == '-');
	size_t n = strlen(digits);

	if ((form == USH_FORM_SERIAL || form == USH_FORM_CERTIFICATE) &&
	    n % 2 != 0) {
		memmove(digits + 1, digits, n + 1);
		digits[0] = '0';
	}
}
