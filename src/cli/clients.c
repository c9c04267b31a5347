/*
 * SPDX-License-Identifier: MIT
 *
 * Client certificates for `usher test`: EC keys, one authority, kept until the
 * process ends.
 */
#include "cli/clients.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

enum { AUTHORITY_SERIAL = 1, DAYS = 30 };

static struct ush_client_cert *authority, *clients;

static void
client_free(struct ush_client_cert *client)
{
	if (!client)
		return;
	X509_free(client->cert);
	EVP_PKEY_free(client->key);
	free(client->name);
	free(client);
}

static int
set_name(X509_NAME *name, const char *cn)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		   (const unsigned char *)cn, -1, -1, 0) == 1
		   ? 0
		   : -1;
}

static int
set_constraints(X509 *cert, bool is_authority)
{
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
		is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	int added = extension ? X509_add_ext(cert, extension, -1) : 0;

	X509_EXTENSION_free(extension);
	return added == 1 ? 0 : -1;
}

/* Signs what `client` is to show, by `by`, or by itself. */
static int
sign(struct ush_client_cert *client, const struct ush_client_cert *by)
{
	X509 *cert = client->cert;
	const X509 *issuer = by ? by->cert : cert;

	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), client->serial) !=
		1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), DAYS * 86400L) ||
	    set_name(X509_get_subject_name(cert), client->name) != 0 ||
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
	    X509_set_pubkey(cert, client->key) != 1 ||
	    set_constraints(cert, !by) != 0)
		return -1;
	return X509_sign(cert, by ? by->key : client->key, EVP_sha256()) > 0
		   ? 0
		   : -1;
}

static struct ush_client_cert *
client_new(const char *name, long serial, const struct ush_client_cert *by)
{
	struct ush_client_cert *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	client->name = strdup(name);
	client->serial = serial;
	client->cert = X509_new();
	client->key = EVP_EC_gen("P-256");
	if (client->name && client->cert && client->key &&
	    sign(client, by) == 0)
		return client;
	client_free(client);
	return NULL;
}

static const struct ush_client_cert *
get_authority(void)
{
	if (!authority)
		authority =
		    client_new("Usher test authority", AUTHORITY_SERIAL, NULL);
	return authority;
}

const struct ush_client_cert *
ush_clients_get(const char *name)
{
	static long serial = 1000;
	struct ush_client_cert *client;

	for (client = clients; client; client = client->next)
		if (strcmp(client->name, name) == 0)
			return client;
	if (!get_authority())
		return NULL;
	client = client_new(name, ++serial, authority);
	if (client) {
		client->next = clients;
		clients = client;
	}
	return client;
}

int
ush_clients_trust(SSL_CTX *ctx, int mode)
{
	const struct ush_client_cert *by = get_authority();

	if (!by ||
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), by->cert) != 1)
		return -1;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}
