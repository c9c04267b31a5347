/*
 * SPDX-License-Identifier: MIT
 *
 * Whether boxes are traced.
 */
#include "sandbox/trace.h"

struct ush_trace ush_tracing;
