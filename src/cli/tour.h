/*
 * SPDX-License-Identifier: MIT
 *
 * The tour of `usher serve --tour`: handshakes with the server that has just
 * been started, as a table.
 */
#ifndef USH_CLI_TOUR_H
#define USH_CLI_TOUR_H

struct ush_serve;

/* Prints the table on standard output, and commands to try unless the server
 * ends with the tour. 0; -1 if a row was not what a policy like
 * examples/demo.lua leads to. Ends early, with 0, when a stop signal comes. */
int ush_tour(struct ush_serve *serve);

#endif
