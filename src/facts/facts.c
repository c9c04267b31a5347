/*
 * SPDX-License-Identifier: MIT
 *
 * The list of facts as a table.
 */
#include "facts/facts.h"

const struct ush_fact_info ush_fact_infos[USH_FACTS] = {
#define FACT(object, name, type, decrypt, generate, doc) \
	{#name, doc, USH_OBJECT_##object, USH_FACT_##type, USH_FACT_##decrypt, \
	    USH_FACT_##generate},
#include "facts/facts.def"
#undef FACT
};
