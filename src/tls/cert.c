/*
 * SPDX-License-Identifier: MIT
 *
 * Names in the form of RFC 2253, numbers in hex, times in seconds.
 */
#include "tls/cert.h"

#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/calendar.h"
#include "lib/crypto.h"

/* Nothing is better than half a name: a policy may compare it. */
static struct ush_bytes
read_name(const X509_NAME *name, char *buf, size_t cap)
{
	struct ush_bytes none = {NULL, 0}, text = none;
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		goto done;
	len = BIO_get_mem_data(bio, &data);
	if (len < 0 || (size_t)len >= cap)
		goto done;
	if (len > 0)
		memcpy(buf, data, (size_t)len);
	buf[len] = '\0';
	text = (struct ush_bytes){buf, (size_t)len};
done:
	BIO_free(bio);
	return text;
}

static struct ush_bytes
read_serial(const X509 *x509, char *buf, size_t cap)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	struct ush_bytes text = {NULL, 0};
	size_t len = (size_t)ASN1_STRING_length(serial);

	if (2 * len + 2 > cap)
		return text;
	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		buf[text.len++] = '-';
	ush_hex(buf + text.len, ASN1_STRING_get0_data(serial), len);
	text.len += 2 * len;
	text.p = buf;
	return text;
}

static struct ush_bytes
read_sha256(const X509 *x509, char *buf)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct ush_bytes text = {NULL, 0};
	unsigned int len;

	if (X509_digest(x509, EVP_sha256(), digest, &len) != 1 ||
	    len != USH_SHA256_LEN)
		return text;
	ush_hex(buf, digest, len);
	text.p = buf;
	text.len = 2 * (size_t)len;
	return text;
}

static struct ush_cert_time
read_time(const ASN1_TIME *time)
{
	struct ush_cert_time out = {false, 0};
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) == 1) {
		out.there = true;
		out.seconds = ush_calendar_seconds(&tm);
	}
	return out;
}

void
ush_cert_read(X509 *x509, struct ush_cert_text *out)
{
	struct ush_cert *cert = &out->cert;

	ERR_set_mark();
	cert->subject = read_name(
	    X509_get_subject_name(x509), out->subject, sizeof out->subject);
	cert->issuer = read_name(
	    X509_get_issuer_name(x509), out->issuer, sizeof out->issuer);
	cert->serial = read_serial(x509, out->serial, sizeof out->serial);
	cert->sha256 = read_sha256(x509, out->sha256);
	cert->not_before = read_time(X509_get0_notBefore(x509));
	cert->not_after = read_time(X509_get0_notAfter(x509));
	ERR_pop_to_mark();
}
