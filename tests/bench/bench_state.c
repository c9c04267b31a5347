/*
 * SPDX-License-Identifier: MIT
 *
 * bench_state POLICY: bytes of a state with a policy, and the time that it
 * takes to make one.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "policy/engine.h"
#include "policy/generation.h"
#include "policy/state.h"

enum { ROUNDS = 2000 };

static double
micros(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
	struct ush_engine config = {.limits = {.memory = 4 << 20,
					.instructions = 200000,
					.microseconds = 20000,
					.app_data = 2048,
					.source = 1 << 20}};
	struct ush_engine *engine;
	struct ush_error error = {0};
	struct ush_state *state;
	size_t bytes = 0;
	double start;

	if (argc != 2)
		return 2;
	config.source.path = strdup(argv[1]);
	config.source.name = strdup(argv[1]);
	engine = ush_engine_new(&config, &error);
	if (!engine) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	start = micros();
	for (int i = 0; i < ROUNDS; i++) {
		state =
		    ush_state_new(atomic_load(&engine->active), false, &error);
		bytes = ush_box_memory(state->box);
		ush_state_free(state);
	}
	printf("%zu %.0f\n", bytes, (micros() - start) / ROUNDS);
	ush_engine_unref(engine);
	return 0;
}
