/*
 * SPDX-License-Identifier: MIT
 *
 * What the command line wants of the public structs that others may not see:
 * it runs a policy's functions without a handshake.
 */
#ifndef USHER_INNER_H
#define USHER_INNER_H

#include "policy/engine.h"
#include "usher.h"

/* The engine inside; the struct usher's. */
struct ush_engine *ush_usher_engine(const struct usher *usher);

#endif
