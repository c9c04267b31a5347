/*
 * SPDX-License-Identifier: MIT
 *
 * The block that holds Lua's stack. LuaJIT's own way to end a recursion, at
 * 65,500 slots, can't be relied on: in the one that Debian 12 has as libluajit2
 * frames come to lie past 65,535 slots then, where lua_getinfo takes something
 * else for a function, and a refused growth has the message of the memory error
 * written behind the block. So the stack never gets there, and there is room
 * behind it.
 *
 * Which block it is. lua_checkstack grows the stack, and asks for nothing else:
 * the one block that grows meanwhile is the stack's. A box has no other stack
 * (coroutines are absent), and two live blocks never have one address: from
 * then on the block is followed through all its growth.
 *
 * How far it grows. Growth past USH_STACK_LARGE is granted, but from then on
 * the hook looks at every instruction, and raises "stack overflow" where a
 * frame begins past USH_STACK_END (budget.c; so do functions in C that call
 * others). Any other has room in the block for whatever one instruction takes:
 * 255 slots for a function in Lua, 8,000 for one in C, or as many as the frame
 * has values in its `...`, which lie below it. Thus the stack grows past
 * USH_STACK_LARGE once; and as LuaJIT doubles it, and adds 8 slots, if that is
 * enough, it gets no larger than USH_STACK_MAX. What would is refused. So no
 * frame comes near the 65,536th slot, nor the stack to LuaJIT's own end.
 *
 * What is behind it. A growth that is refused leaves a frame that does not fit:
 * it begins at most LJ_STACK_EXTRA slots (7) behind the end that LuaJIT sets
 * itself, which is 8 slots before the block's, and has at most 255 slots, a
 * byte in the bytecode; right behind the frame the message is put. That is 255
 * slots behind the block's end: USH_STACK_SLACK.
 */
#include "sandbox/alloc_inner.h"

enum { SLACK = USH_STACK_SLACK * USH_STACK_SLOT };

static void *
grow(struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	void *p;

	if (nsize > (size_t)USH_STACK_MAX * USH_STACK_SLOT) {
		a->overflow = true;
		if (a->alarm)
			a->alarm(a->alarm_arg);
		return NULL;
	}
	p = ush_alloc_resize(a, ptr, osize, nsize + SLACK);
	if (!p)
		return NULL;
	a->stack = p;
	a->stack_slots = nsize / USH_STACK_SLOT;
	if (a->stack_slots > USH_STACK_LARGE && a->alarm)
		a->alarm(a->alarm_arg);
	return p;
}

void *
ush_alloc_stack_resize(
    struct ush_alloc *a, void *ptr, size_t osize, size_t nsize)
{
	void *p;

	if (nsize > osize) {
		a->growing = true;
		p = grow(a, ptr, osize, nsize);
		a->growing = false;
		return p;
	}
	p = ush_alloc_resize(a, ptr, osize, nsize > 0 ? nsize + SLACK : 0);
	a->stack = p;
	a->stack_slots = nsize / USH_STACK_SLOT;
	return p;
}

void *
ush_alloc_find_stack(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct ush_alloc *a = ud;

	if (!ptr || nsize <= osize || a->stack)
		return ush_alloc_lua(ud, ptr, osize, nsize);
	return grow(a, ptr, osize, nsize);
}
