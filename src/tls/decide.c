/*
 * SPDX-License-Identifier: MIT
 *
 * What both callbacks need: the generation of a handshake, and what is done
 * with a decision once it is made.
 */
#include "tls/decide.h"

#include <string.h>

#include "policy/pool.h"
#include "policy/watch.h"

struct ush_generation *
ush_decide_pin(
    SSL *ssl, struct ush_conn *conn, ush_engine_ptr *engine, bool *engineless)
{
	struct ush_generation *g;

	*engineless = false;
	if (conn->now.pin)
		return ush_pool_generation(conn->now.pin);
	conn->now.pin = ush_pool_pin(engine, &conn->now.shadow, engineless);
	if (!conn->now.pin)
		return NULL;
	if (conn->now.shadow)
		ush_beside_choose(ssl, conn);
	g = ush_pool_generation(conn->now.pin);
	ush_watch_wake(g->engine);
	return g;
}

static enum ush_stat
stat_of_error(enum ush_code code)
{
	switch (code) {
	case USH_ERROR_SCRIPT:
		return USH_STAT_errors_script;
	case USH_ERROR_RETURN:
		return USH_STAT_errors_return;
	case USH_ERROR_INSTRUCTIONS:
		return USH_STAT_errors_instructions;
	case USH_ERROR_CPU_TIME:
		return USH_STAT_errors_cpu_time;
	case USH_ERROR_MEMORY:
		return USH_STAT_errors_memory;
	case USH_ERROR_APP_DATA:
		return USH_STAT_errors_app_data;
	default:
		return USH_STAT_errors_system;
	}
}

void
ush_decide_failed(const struct ush_generation *g, const struct ush_conn *conn,
    bool generate, const struct ush_error *err)
{
	ush_decide_count(g, conn,
	    generate ? USH_STAT_generate_errors : USH_STAT_decrypt_errors);
	ush_decide_count(g, conn, stat_of_error(err->code));
	ush_log_write(&g->engine->log, USH_LOG_ERROR,
	    generate ? USH_LOG_SCRIPT_ERROR_GENERATE
		     : USH_LOG_SCRIPT_ERROR_DECRYPT,
	    "%s: %s", generate ? "generate" : "decrypt", err->message);
}

void
ush_decide_outcome(struct ush_conn *conn, bool resumed)
{
	struct ush_handshake *now = &conn->now;

	if (now->counted || !now->decided || !now->pin ||
	    (now->verdict != USH_VERDICT_USE &&
		now->verdict != USH_VERDICT_USE_RENEW))
		return;
	now->counted = true;
	ush_decide_count(ush_pool_generation(now->pin), conn,
	    resumed ? USH_STAT_resumed : USH_STAT_not_resumed);
}

void
ush_decide_bypass(const struct ush_generation *g)
{
	ush_stats_add(g->engine->stats, ush_pool_shard(), USH_STAT_bypasses);
	ush_log_write(&g->engine->log, USH_LOG_WARNING, USH_LOG_BYPASS,
	    "a session was resumed without asking decrypt: from a session "
	    "cache or by an external PSK");
}
