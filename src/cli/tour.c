/*
 * SPDX-License-Identifier: MIT
 *
 * The tour of `usher serve --tour`: for each version of TLS the same visits,
 * with the tickets that the earlier ones brought. What the policy said comes
 * from the server's answer, what the client saw from its own side.
 */
#include "cli/tour.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/serve.h"

enum { VERSIONS = 2, LIMIT_SECONDS = 1, WAIT_MS = 2100 };

struct tour {
	struct ush_serve *serve;
	uint64_t errors;              /* of the script, so far */
	SSL_SESSION *first[VERSIONS]; /* what the first visits brought */
	unsigned int rows, unexpected;
};

struct row {
	const char *tried;
	const char *server_name;
	enum { NO_TICKET, FIRST_TICKET, ALTERED_TICKET } offer;
	bool resumes; /* what should happen */
};

static const struct {
	int number;
	const char *name;
} versions[VERSIONS] = {{TLS1_3_VERSION, "1.3"}, {TLS1_2_VERSION, "1.2"}};

/* The visits before and after the time that makes a ticket too old. */
static const struct row early[] = {
    {"first visit to shop.example", "shop.example", NO_TICKET, false},
    {"back with its ticket", "shop.example", FIRST_TICKET, true},
    {"that ticket at admin.example", "admin.example", FIRST_TICKET, false},
    {"that ticket, one bit changed", "shop.example", ALTERED_TICKET, false},
};
static const struct row late = {
    "back 2 s later, 1 s allowed", "shop.example", FIRST_TICKET, false};

static const struct row replaced = {
    "script replaced while running", "shop.example", FIRST_TICKET, false};
static const struct row rolled_back = {
    "and rolled back", "shop.example", FIRST_TICKET, true};

/* What takes the place of the policy for a while. */
static const char other_policy[] =
    "return {\n"
    "  generate = function(conn) return { sni = conn.server_name } end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    return 'ignore_renew', 'another script'\n"
    "  end,\n"
    "}\n";

static uint64_t
script_errors(const struct tour *tour)
{
	struct usher_stats stats;

	if (usher_stats_get(tour->serve->engine, &stats, sizeof(stats)) != 0)
		return 0;
	return stats.decrypt_errors + stats.generate_errors;
}

static bool
expected(struct tour *tour, const struct row *row, struct ush_client_saw *saw)
{
	uint64_t errors = script_errors(tour);
	bool clean = errors == tour->errors;

	tour->errors = errors;
	return clean && saw->done && saw->resumed == row->resumes;
}

static void
print_row(
    const char *version, const char *tried, const char *said, const char *saw)
{
	printf("%-4s %-29s %-37s %s\n", version, tried, said, saw);
	fflush(stdout);
}

static void
print_visit(const char *version, const struct row *row,
    const struct ush_client_saw *saw, bool good)
{
	char said[320], client[320];

	if (saw->verdict[0])
		snprintf(said, sizeof(said), "%s%s%s", saw->verdict,
		    saw->reason[0] ? ": " : "", saw->reason);
	else
		strcpy(said, saw->done ? "(was not asked)" : "?");
	if (saw->done)
		snprintf(client, sizeof(client), "%s, %u new ticket%s%s",
		    saw->resumed ? "resumed" : "full handshake", saw->tickets,
		    saw->tickets == 1 ? "" : "s", good ? "" : "  UNEXPECTED");
	else
		snprintf(
		    client, sizeof(client), "%s  UNEXPECTED", saw->failure);
	print_row(version, row->tried, said, client);
}

/* One visit in the tour's v-th version. */
static void
visit(struct tour *tour, const struct row *row, int v)
{
	struct ush_client_ask ask = {
	    .host = tour->serve->options.host,
	    .port = tour->serve->port,
	    .server_name = row->server_name,
	    .version = versions[v].number,
	};
	struct ush_client_saw saw;
	SSL_SESSION *altered = NULL;
	bool good;

	if (row->offer == ALTERED_TICKET && tour->first[v])
		ask.session = altered = ush_client_altered(tour->first[v]);
	else if (row->offer == FIRST_TICKET)
		ask.session = tour->first[v];
	ush_client_visit(&ask, &saw);
	good = expected(tour, row, &saw) &&
	       (row->offer == NO_TICKET || ask.session);
	print_visit(versions[v].name, row, &saw, good);
	tour->rows++;
	tour->unexpected += !good;
	SSL_SESSION_free(altered);
	if (row->offer == NO_TICKET && !tour->first[v])
		tour->first[v] = saw.session;
	else
		SSL_SESSION_free(saw.session);
}

/* Is the tour's v-th version one that the server speaks? */
static bool
spoken(const struct tour *tour, int v)
{
	int only = tour->serve->options.version;

	return only == 0 || only == versions[v].number;
}

static void
visit_in_each(struct tour *tour, const struct row *row)
{
	for (int v = 0; v < VERSIONS; v++)
		if (spoken(tour, v))
			visit(tour, row, v);
}

/* By way of a shadow, so that the policy's file stays the source. */
static int
replace_and_roll_back(struct tour *tour)
{
	struct usher *engine = tour->serve->engine;
	struct usher_error error;

	if (usher_shadow_text(engine, "tour", other_policy,
		sizeof(other_policy) - 1, &error) != 0 ||
	    usher_promote(engine, &error) != 0)
		return ush_cli_fail(-1, "serve: --tour: %s", error.message);
	visit_in_each(tour, &replaced);
	if (usher_rollback(engine, &error) != 0)
		return ush_cli_fail(-1, "serve: --tour: %s", error.message);
	visit_in_each(tour, &rolled_back);
	return 0;
}

/* 0, or -1 if it could not be ended. */
static int
visits(struct tour *tour)
{
	char var[32];

	print_row("TLS", "what was tried", "what the policy said",
	    "what the client saw");
	for (int v = 0; v < VERSIONS; v++)
		for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
			if (spoken(tour, v) &&
			    !ush_serve_stopped(tour->serve, 0))
				visit(tour, &early[i], v);
	if (ush_serve_stopped(tour->serve, WAIT_MS))
		return -1;
	snprintf(var, sizeof(var), "max_auth_age=%d", LIMIT_SECONDS);
	ush_server_set_var(tour->serve->server, var);
	visit_in_each(tour, &late);
	ush_server_set_var(tour->serve->server, NULL);
	return replace_and_roll_back(tour);
}

static void
print_commands(const struct ush_serve *serve)
{
	const char *host = serve->options.host;
	char where[300];

	snprintf(where, sizeof(where), strchr(host, ':') ? "[%s]:%d" : "%s:%d",
	    host, serve->port);
	printf("\nThe server goes on, until Ctrl-C. Get a ticket, come back "
	       "with it, take it to\nanother virtual host:\n\n");
	printf("  visit() { printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl "
	       "s_client \\\n    -connect %s -ign_eof -quiet \"$@\"; }\n",
	    where);
	printf("  visit -servername shop.example -sess_out ticket.pem\n"
	       "  visit -servername shop.example -sess_in ticket.pem\n"
	       "  visit -servername admin.example -sess_in ticket.pem\n\n");
	printf("or with curl, twice in one run:\n\n"
	       "  curl -k -H 'Connection: close' --connect-to ::%s \\\n"
	       "    https://shop.example/ https://shop.example/\n\n",
	    where);
	if (serve->options.watch)
		printf("Edit %s: what is saved decides from then on.\n",
		    serve->options.policy);
	printf("From here on each decision is a line on standard error.\n");
	fflush(stdout);
}

int
ush_tour(struct ush_serve *serve)
{
	struct tour tour = {.serve = serve};
	int result;

	printf("\n");
	atomic_store(&serve->decisions.silent, true);
	result = visits(&tour);
	atomic_store(&serve->decisions.silent, false);
	for (int v = 0; v < VERSIONS; v++)
		SSL_SESSION_free(tour.first[v]);
	if (result != 0)
		return ush_serve_stopped(serve, 0) ? 0 : -1;
	if (tour.unexpected > 0)
		return ush_cli_fail(-1,
		    "serve: --tour: %u of %u visits did not go as with "
		    "examples/demo.lua",
		    tour.unexpected, tour.rows);
	if (!serve->options.no_wait && !ush_serve_stopped(serve, 0))
		print_commands(serve);
	return 0;
}
