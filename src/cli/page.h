/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` answers: a text about the connection, the decision, and
 * the ticket.
 */
#ifndef USH_CLI_PAGE_H
#define USH_CLI_PAGE_H

struct evhttp_request;

/* An evhttp callback for any request; arg is unused. */
void ush_page_answer(struct evhttp_request *request, void *arg);

/* One for /metrics; arg is the engine. */
void ush_page_metrics(struct evhttp_request *request, void *arg);

#endif
