/*
 * SPDX-License-Identifier: MIT
 *
 * seeds_hello FOLDER: writes the flights of fuzz_hello's corpus, each with a
 * ticket of the server's if not said otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "../tls/cert.h"
#include "../tls/harness.h"
#include "../tls/hello.h"
#include "must.h"
#include "server.h"

static const struct seed {
	struct visit visit;
	int no_ticket;
	int flights;    /* that go into the file; 0 is 1 */
	int identities; /* offer the ticket so many times */
} seeds[] = {
    {.visit = {.version = TLS1_3_VERSION}, .no_ticket = 1},
    {.visit = {.version = TLS1_3_VERSION}},
    {.visit = {.version = TLS1_2_VERSION}, .no_ticket = 1},
    {.visit = {.version = TLS1_2_VERSION}},
    {.visit = {.name = "WWW.a.example", .alpn = "h2,http/1.1"}},
    {.visit = {.version = TLS1_2_VERSION,
	 .name = "WWW.b.example",
	 .alpn = "http/1.1"}},
    {.visit = {.name = "retry.example", .groups = "P-384:X25519"},
	.flights = 2},
    {.visit = {.name = "early.example", .early = "GET /"}},
    {.visit = {.cert = CERT_CLIENT, .name = "cert.example"}},
    {.visit = {.version = TLS1_2_VERSION, .cert = CERT_CLIENT}},
    {.visit = {.psk = "external", .name = "psk.example"}},
    {.visit = {.name = "two.example"}, .identities = 2},
    {.visit = {.name = "many.example"}, .identities = 20},
};

struct capture {
	const struct seed *seed;
	FILE *file;
};

static void
repeat_identity(
    unsigned char **flight, size_t *len, const struct capture *capture)
{
	struct hello_identity list[32];
	int n = capture->seed->identities;

	for (int i = 0; i < n; i++)
		list[i] = hello_identity_of(capture->seed->visit.session);
	hello_set_identities(flight, len, list, (size_t)n, n);
}

static void
save_flight(unsigned char **flight, size_t *len, int nth, void *arg)
{
	const struct capture *capture = arg;
	int flights = capture->seed->flights;

	if (nth == 1 && capture->seed->identities > 0)
		repeat_identity(flight, len, capture);
	if (nth <= (flights > 0 ? flights : 1))
		must(fwrite(*flight, 1, *len, capture->file) == *len, "file");
}

static void
save_seed(const struct seed *template, const char *path)
{
	struct seed seed = *template;
	struct capture capture = {&seed, fopen(path, "wb")};

	must(capture.file != NULL, path);
	seed.visit.server = server_with_policy();
	if (!seed.no_ticket)
		seed.visit.session = visit_run(&seed.visit).session;
	seed.visit.rewrite = save_flight;
	seed.visit.arg = &capture;
	visit_run(&seed.visit);
	must(fclose(capture.file) == 0, path);
	harness_clear();
}

int
main(int argc, char **argv)
{
	char path[1024];

	if (argc != 2) {
		fprintf(stderr, "usage: seeds_hello FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
		snprintf(path, sizeof path, "%s/%02zu", argv[1], i);
		save_seed(&seeds[i], path);
	}
	return 0;
}
