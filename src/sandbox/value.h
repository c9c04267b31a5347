/*
 * SPDX-License-Identifier: MIT
 *
 * Lua values to CBOR and back: what a script may store in a ticket. Booleans,
 * numbers (NaN and infinities too), byte strings, and tables of them with
 * string or integer keys, up to USH_VALUE_DEPTH tables in each other.
 */
#ifndef USH_SANDBOX_VALUE_H
#define USH_SANDBOX_VALUE_H

#include <stddef.h>

#include <lua.h>

#include "data/cbor.h"

enum { USH_VALUE_DEPTH = 16 };

/*
 * Writes the value at `index` as one CBOR item. Runs no metamethod and raises
 * nothing, not even for want of memory, so it may be called outside a
 * protected call; needs 12 free stack slots. [-0, +0, -]
 *
 * 0, or -1 with a reason in `why` (always terminated if why_cap > 0) that
 * names the offending place: "data.list[3].f: a function can't be stored". The
 * writer's content is then of no use. A table with the keys 1 to n is written
 * as an array, any other as a map; nil (outermost only) as null. In a sandboxed
 * state the work is charged to the call's budget, and a spent one is a reason
 * too (the call raises it then).
 */
int ush_value_write(lua_State *L, int index, struct ush_cbor_writer *w,
    char *why, size_t why_cap);

/*
 * Pushes the next item of `r`. [-0, +1, m] and 0; or -1 and [-0, +0, m] if it
 * is malformed, nested too deep, or has keys that are neither strings nor
 * integers. Only memory errors are raised. Text and byte strings become
 * strings, tags are looked through, null and undefined become nil (and absent
 * in tables), integers beyond 2^53 are rounded. What comes twice in a map
 * counts as it came last. Needs 12 free stack slots. Charged to the call's
 * budget in a sandboxed state.
 */
int ush_value_push(lua_State *L, struct ush_cbor_reader *r);

#endif
