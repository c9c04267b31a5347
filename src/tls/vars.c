/*
 * SPDX-License-Identifier: MIT
 *
 * Each layer is a list: there are few, and most connections have none.
 */
#include "tls/vars.h"

#include <stdlib.h>
#include <string.h>

struct ush_var {
	struct ush_var *next;
	bool removed; /* hides the name in earlier layers */
	size_t name_len, len;
	char text[]; /* name, NUL, value, NUL */
};

static bool
is_named(const struct ush_var *var, struct ush_bytes name)
{
	return var->name_len == name.len &&
	       memcmp(var->text, name.p, name.len) == 0;
}

static struct ush_var **
find(struct ush_var **list, struct ush_bytes name)
{
	while (*list && !is_named(*list, name))
		list = &(*list)->next;
	return list;
}

static void
drop(struct ush_vars *vars, struct ush_var **link)
{
	struct ush_var *var = *link;

	*link = var->next;
	vars->names--;
	vars->bytes -= var->name_len + var->len;
	free(var);
}

static struct ush_var *
var_new(struct ush_bytes name, struct ush_bytes value)
{
	struct ush_var *var = malloc(sizeof *var + name.len + value.len + 2);

	if (!var)
		return NULL;
	var->removed = !value.p;
	var->name_len = name.len;
	var->len = value.len;
	memcpy(var->text, name.p, name.len);
	var->text[name.len] = '\0';
	if (value.len > 0)
		memcpy(var->text + name.len + 1, value.p, value.len);
	var->text[name.len + 1 + value.len] = '\0';
	return var;
}

/* Does an earlier layer have the name? */
static bool
is_below(
    struct ush_vars *vars, enum ush_vars_layer layer, struct ush_bytes name)
{
	for (int i = 0; i < (int)layer; i++)
		if (*find(&vars->layers[i], name))
			return true;
	return false;
}

const char *
ush_vars_set(struct ush_vars *vars, enum ush_vars_layer layer,
    struct ush_bytes name, struct ush_bytes value)
{
	struct ush_var **link = find(&vars->layers[layer], name), *var;
	size_t names = vars->names, bytes = vars->bytes;

	if (name.len == 0 || name.len > USH_VARS_NAME_MAX)
		return "has no valid name: 1 to 64 bytes";
	if (!value.p && !is_below(vars, layer, name)) {
		if (*link)
			drop(vars, link);
		return NULL; /* nothing is there that could be hidden */
	}
	if (*link) {
		names--;
		bytes -= (*link)->name_len + (*link)->len;
	}
	if (names >= USH_VARS_NAMES)
		return "is one too many: a connection has 64 vars at most";
	if (value.len > USH_VARS_BYTES ||
	    bytes + name.len + value.len > USH_VARS_BYTES)
		return "is too long: a connection's vars have 64 KB at most";
	var = var_new(name, value);
	if (!var)
		return "can't be stored: out of memory";
	if (*link)
		drop(vars, link);
	var->next = vars->layers[layer];
	vars->layers[layer] = var;
	vars->names++;
	vars->bytes += name.len + value.len;
	return NULL;
}

struct ush_bytes
ush_vars_get(const struct ush_vars *vars, struct ush_bytes name)
{
	const struct ush_var *var;

	for (int layer = USH_VARS_LAYERS; layer-- > 0;)
		for (var = vars->layers[layer]; var; var = var->next)
			if (is_named(var, name))
				return var->removed
					   ? (struct ush_bytes){NULL, 0}
					   : (struct ush_bytes){
						 var->text + var->name_len + 1,
						 var->len};
	return (struct ush_bytes){NULL, 0};
}

int
ush_vars_copy(
    struct ush_vars *to, const struct ush_vars *from, enum ush_vars_layer layer)
{
	const struct ush_var *var;

	ush_vars_clear(to, layer);
	for (var = from->layers[layer]; var; var = var->next)
		if (ush_vars_set(to, layer,
			(struct ush_bytes){var->text, var->name_len},
			(struct ush_bytes){
			    var->text + var->name_len + 1, var->len}))
			return -1;
	return 0;
}

void
ush_vars_clear(struct ush_vars *vars, enum ush_vars_layer layer)
{
	while (vars->layers[layer])
		drop(vars, &vars->layers[layer]);
}

void
ush_vars_commit_pending(struct ush_vars *vars)
{
	struct ush_var *var, **link;

	while ((var = vars->layers[USH_VARS_PENDING])) {
		link = find(&vars->layers[USH_VARS_SCRIPT],
		    (struct ush_bytes){var->text, var->name_len});
		if (*link)
			drop(vars, link);
		vars->layers[USH_VARS_PENDING] = var->next;
		var->next = vars->layers[USH_VARS_SCRIPT];
		vars->layers[USH_VARS_SCRIPT] = var;
	}
}
