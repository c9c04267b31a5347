/*
 * SPDX-License-Identifier: MIT
 *
 * Facts: what a script can read about a connection and a ticket. The list is
 * facts.def; where facts come from is a provider's business (a live SSL, or a
 * recorded document). Used by one thread at a time.
 */
#ifndef USH_FACTS_FACTS_H
#define USH_FACTS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ush_fact_object {
	USH_OBJECT_CONN,
	USH_OBJECT_TICKET,
	USH_OBJECT_ISSUE,
};

enum ush_fact_type {
	USH_FACT_STRING, /* any bytes */
	USH_FACT_INTEGER,
	USH_FACT_BOOLEAN,
	USH_FACT_STRINGS,  /* a list, of 1 to 255 bytes each */
	USH_FACT_CERT,     /* a table: struct ush_cert */
	USH_FACT_HELLO,    /* a table: struct ush_hello */
	USH_FACT_DATA,     /* the script's own table, as CBOR */
	USH_FACT_VARS,     /* by get_var / set_var */
	USH_FACT_PREVIOUS, /* a handle of object TICKET */
};

/* In which of the two functions a fact is there, and how. */
enum ush_fact_use {
	USH_FACT_NO,
	USH_FACT_READ,
	USH_FACT_ASSIGN,
};

enum ush_fact_id {
#define FACT(object, name, type, decrypt, generate, doc) USH_##object##_##name,
#include "facts/facts.def"
#undef FACT
	USH_FACTS
};

struct ush_fact_info {
	const char *name;
	const char *doc;
	enum ush_fact_object object;
	enum ush_fact_type type;
	enum ush_fact_use decrypt, generate;
};

/* By enum ush_fact_id. */
extern const struct ush_fact_info ush_fact_infos[USH_FACTS];

struct ush_bytes {
	const char *p; /* NULL: not there */
	size_t len;
};

/* A leaf certificate. Times are seconds since 1970. */
struct ush_cert {
	struct ush_bytes subject, issuer; /* RFC 2253 form */
	struct ush_bytes serial, sha256;  /* hex digits, lower case */
	struct ush_cert_time {
		bool there;
		int64_t seconds;
	} not_before, not_after;
};

/* Code points of the IANA registries, as offered: two bytes each, the higher
 * first, as on the wire. p == NULL: they can't be read. */
struct ush_code_points {
	const unsigned char *p;
	size_t n;
};

struct ush_hello {
	struct ush_code_points ciphers, groups, signatures, extensions;
};

/* A fact's value. What it points to belongs to the provider and is valid
 * until the provider is asked again. */
struct ush_fact_value {
	bool there; /* false: nil */
	union {
		struct ush_bytes string; /* STRING, DATA */
		int64_t integer;         /* INTEGER, and 0 or 1 of BOOLEAN */
		/* STRINGS: on the wire, each behind a byte of its length. */
		struct ush_bytes strings;
		const struct ush_cert *cert;
		const struct ush_hello *hello;
	} as;
};

/* A provider: the first member of whatever struct it keeps. */
struct ush_facts {
	const struct ush_facts_ops *ops;
};

struct ush_facts_ops {
	/* Reads a fact. Never fails: what can't be read is not there. */
	void (*get)(struct ush_facts *facts, enum ush_fact_id id,
	    struct ush_fact_value *value);
	/* Notes an assignment. NULL, or why not: a static string. */
	const char *(*set)(
	    struct ush_facts *facts, enum ush_fact_id id, int64_t value);
	/* conn.vars. A value with p == NULL removes. */
	struct ush_bytes (*get_var)(
	    struct ush_facts *facts, struct ush_bytes name);
	const char *(*set_var)(struct ush_facts *facts, struct ush_bytes name,
	    struct ush_bytes value);
};

#endif
