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

/* The handshake's first callback. */
static void
begin(SSL *ssl, struct ush_conn *conn, ush_engine_ptr *engine, bool *engineless)
{
	struct ush_handshake *now = &conn->now;

	now->pin = ush_pool_pin(engine, &now->shadow, engineless);
	if (!now->pin)
		return;
	if (now->shadow)
		ush_beside_choose(ssl, conn);
	now->generation = ush_pool_remember(now->pin);
	if (now->shadow)
		now->generation_beside = ush_pool_remember(now->shadow);
}

static void
go_on(struct ush_handshake *now)
{
	bool gone;

	now->pin = ush_pool_pin_number(now->generation, &now->gone);
	if (now->generation_beside && now->pin)
		now->shadow =
		    ush_pool_pin_number(now->generation_beside, &gone);
}

struct ush_generation *
ush_decide_pin(
    SSL *ssl, struct ush_conn *conn, ush_engine_ptr *engine, bool *engineless)
{
	struct ush_handshake *now = &conn->now;
	struct ush_generation *g;
	bool ignored;

	*engineless = false;
	ush_pool_look();
	if (!now->generation)
		begin(ssl, conn, engine, engineless);
	else if (!now->gone)
		go_on(now);
	if (now->gone)
		now->pin = ush_pool_pin(engine, NULL, &ignored);
	if (!now->pin)
		return NULL;
	g = ush_pool_generation(now->pin);
	ush_watch_wake(g->engine);
	return g;
}

void
ush_decide_unpin(struct ush_conn *conn)
{
	struct ush_handshake *now = &conn->now;

	ush_pool_unpin(now->pin);
	if (now->shadow)
		ush_pool_unpin(now->shadow);
	now->pin = now->shadow = NULL;
}

const char *
ush_decide_gone(const struct ush_generation *g, const struct ush_conn *conn)
{
	ush_decide_count(g, conn, USH_STAT_generations_missed);
	ush_log_write(&g->engine->log, USH_LOG_WARNING, USH_LOG_GONE,
	    "a handshake took so long that the generation it began with is "
	    "gone: it is a full one, and its ticket can't resume");
	return "the generation of the handshake is gone";
}

enum ush_code
ush_decide_no_stack(struct ush_error *err)
{
	ush_error_set(err, USH_ERROR_SCRIPT, NULL, 0,
	    "stack overflow: this thread's stack has too little left for a "
	    "script; give it 128 KiB");
	return err->code;
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

/* Also between callbacks. Of one that is gone, there is nobody to tell. */
void
ush_decide_outcome(struct ush_conn *conn, bool resumed)
{
	struct ush_handshake *now = &conn->now;
	struct ush_slot *pin;
	bool gone;

	if (now->counted || !now->decided || !now->generation ||
	    (now->verdict != USH_VERDICT_USE &&
		now->verdict != USH_VERDICT_USE_RENEW))
		return;
	now->counted = true;
	pin = now->pin ? now->pin : ush_pool_pin_number(now->generation, &gone);
	if (!pin)
		return;
	ush_decide_count(ush_pool_generation(pin), conn,
	    resumed ? USH_STAT_resumed : USH_STAT_not_resumed);
	if (pin != now->pin)
		ush_pool_unpin(pin);
}

void
ush_decide_bypass(const struct ush_generation *g)
{
	ush_stats_add(g->engine->stats, ush_pool_shard(), USH_STAT_bypasses);
	ush_log_write(&g->engine->log, USH_LOG_WARNING, USH_LOG_BYPASS,
	    "a session was resumed without asking decrypt: from a session "
	    "cache or by an external PSK");
}
