/*
 * SPDX-License-Identifier: MIT
 *
 * usher.h - Lua policies for TLS session tickets
 *
 * An engine (struct usher) holds a policy script with its limits. Attached to
 * an SSL_CTX it installs OpenSSL's two session-ticket callbacks, see
 * SSL_CTX_set_session_ticket_cb(3), and answers them by the script's functions
 * `generate` and `decrypt`:
 *
 *	struct usher_options *options = usher_options_new();
 *	struct usher_error error;
 *	struct usher *engine;
 *
 *	usher_options_set_script_file(options, "policy.lua");
 *	engine = usher_new(options, &error);
 *	if (!engine || usher_attach(engine, ctx, 0, &error) != 0)
 *		errx(1, "%s", error.message);
 *
 * Return values: int functions return 0, or -1 on failure; others a pointer,
 * or NULL on failure. What went wrong is in the struct usher_error that the
 * caller may give (NULL: not wanted).
 *
 * Threads: an engine may be used from any number of threads at once. Options
 * and errors belong to one caller at a time. An SSL belongs to one thread at a
 * time, as OpenSSL has it, but may move between threads.
 *
 * Forks: an engine made before fork(2) works in the parent and in the child.
 * Statistics are common to all of them.
 */
#ifndef USHER_H
#define USHER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

struct usher;
struct usher_options;

/* What kind of failure it was. */
enum usher_code {
	USHER_OK = 0,
	USHER_ERROR_ARGUMENT, /* an argument of a call */
	USHER_ERROR_SYSTEM,   /* the system said no: memory, threads */
	USHER_ERROR_FILE,     /* a file can't be read */
	USHER_ERROR_SYNTAX,   /* the script does not compile */
	USHER_ERROR_SCRIPT,   /* the script raised an error, or is misshaped */
	USHER_ERROR_RETURN,   /* a function returned what it may not */
	USHER_ERROR_INSTRUCTIONS, /* the instruction limit was reached */
	USHER_ERROR_CPU_TIME,     /* the CPU-time limit was reached */
	USHER_ERROR_MEMORY,       /* the memory limit was reached */
	USHER_ERROR_APP_DATA,     /* the app-data limit was reached */
	USHER_ERROR_CONTEXT       /* an SSL_CTX can't be attached as asked */
};

struct usher_error {
	enum usher_code code;
	int line;          /* in the script; 0 where there is none */
	char script[256];  /* the script's path or name, or "" */
	char message[768]; /* one line for people, with file, line, remedy */
};

/* What a script error leads to; see "on_error" in the manual. */
enum usher_on_error {
	USHER_ON_ERROR_FULL_HANDSHAKE = 0, /* the default */
	USHER_ON_ERROR_ABORT,
	USHER_ON_ERROR_OPEN
};

enum usher_log_level { USHER_LOG_ERROR, USHER_LOG_WARNING, USHER_LOG_INFO };

/*
 * Receives one line of log, without a newline; control characters are escaped.
 * May be called from any thread that uses the engine, at any time, several at
 * once. In handshakes each kind of line comes at most once a minute (what a
 * script prints: 100 times), with the number of those left out. Without a
 * function nothing is logged.
 */
typedef void (*usher_log_fn)(
    void *arg, enum usher_log_level level, const char *message);

/* Which of the script's functions decided. */
enum usher_call { USHER_CALL_DECRYPT, USHER_CALL_GENERATE };

/*
 * One decision. Every pointer is valid during the call only. `size` is the
 * size of the struct in the running library: members are only ever added at
 * the end, so check it before reading one that is newer than your header.
 */
struct usher_decision {
	size_t size;
	SSL *ssl;
	enum usher_call call;
	/* decrypt: "empty", "no_decrypt", "success", "success_renew";
	 * generate: NULL */
	const char *status;
	/* What OpenSSL is told. decrypt: "use", "use_renew", "ignore",
	 * "ignore_renew", "abort"; generate: "table", "string", "keep"
	 * (nothing returned), "end" (the handshake is ended), "disabled" (a
	 * ticket that can't resume, after an error). */
	const char *verdict;
	const char *reason;   /* the script's, or Usher's own; NULL if none */
	const char *revision; /* of script and files: 16 hex digits */
	const char *policy;   /* the script's `name`, or NULL */
	/* What the script spent: instructions of the interpreter (counted by
	 * the thousand), and bytes its state holds. 0 where it did not run. */
	uint64_t instructions;
	uint64_t memory;
	/* Given if the script failed and on_error decided; NULL otherwise. */
	const struct usher_error *error;
	/* 1 if a second ClientHello got the verdict of the first. */
	int remembered;
	/* 1 if it was a shadow's, which decides for its share of clients. */
	int canary;
	/* What the shadow would have said; all NULL if it was not asked. Its
	 * verdict has the names above; "error" if it failed. */
	const char *shadow_verdict;
	const char *shadow_reason;
	const char *shadow_revision;
};

/* Called after each decision, in the thread that handshakes: be quick, and
 * call nothing on the SSL that writes, reads or frees. */
typedef void (*usher_decision_fn)(
    void *arg, const struct usher_decision *decision);

/*
 * Options: what usher_new needs. Setters copy what they are given and return
 * -1 for a value out of range (nothing is changed then).
 */
struct usher_options *usher_options_new(void);
void usher_options_free(struct usher_options *options); /* NULL is fine */

/* The script: one of the two, the last one set counts. With neither it is
 * usher.standard, see usher-policies(7). A text's `name` stands in messages;
 * `text` need not end in NUL. */
int usher_options_set_script_file(
    struct usher_options *options, const char *path);
int usher_options_set_script_text(struct usher_options *options,
    const char *name, const char *text, size_t len);

/* Memory of one thread's Lua state, in bytes. Default 4 MiB; 256 KiB at
 * least. Compiling a script may take four times as much. */
int usher_options_set_memory_limit(struct usher_options *options, size_t bytes);
/* Instructions of the interpreter, per call. Default 200,000; all `decrypt`
 * calls of one handshake together get twice this, all `generate` calls ten
 * times. Loading: 50 times. */
int usher_options_set_instruction_limit(
    struct usher_options *options, uint64_t count);
/* CPU time of the thread, per call, in microseconds. Default 20,000. First
 * looked at when 1,000 instructions are spent. A script's top level: 10 times,
 * loading: 50 times. */
int usher_options_set_cpu_time_limit(
    struct usher_options *options, unsigned int microseconds);
/* All app data in one ticket, envelope and the host's own included, in bytes.
 * Default 1,200: they travel in every ClientHello, and some clients can't offer
 * more (usher(7) has a table). 63,000 at most; above 1,200, usher_new warns. */
int usher_options_set_app_data_limit(
    struct usher_options *options, size_t bytes);
/* The source of the script, and of each module that it requires, in bytes.
 * Default 1 MiB; 16 MiB at most. */
int usher_options_set_source_limit(struct usher_options *options, size_t bytes);
int usher_options_set_on_error(
    struct usher_options *options, enum usher_on_error on_error);
int usher_options_set_log(
    struct usher_options *options, usher_log_fn log, void *arg);
int usher_options_set_decision(
    struct usher_options *options, usher_decision_fn decision, void *arg);

/* The store that scripts see as usher.store: a map that all threads share, and
 * all processes forked after usher_new. In bytes; default 1 MiB, touched only
 * as it fills. 64 KiB at least, 16 GiB at most. */
int usher_options_set_store_size(struct usher_options *options, size_t bytes);
/* A store that outlives the engine, under a name: all engines of the same user
 * that ask for it have it in common, in whatever process. It lies in POSIX
 * shared memory, reserved as a whole, as "/usher.NAME", until that is removed.
 * Without a set size it has the one that it was made with. 1 to 64 letters,
 * digits, "_", "-", "."; NULL: none, the default. */
int usher_options_set_store_name(
    struct usher_options *options, const char *name);

/*
 * Loads the script, runs its top level and its `selftest` under the limits for
 * loading, and returns an engine, owned by the caller. NULL on failure: the
 * error says which file and line, and what to do.
 */
struct usher *usher_new(
    const struct usher_options *options, struct usher_error *error);

/* Gives the engine up. SSL_CTXs that are attached to it keep it alive, with
 * its log and decision functions, until the last one is freed or detached and
 * the last handshake in it has ended. NULL is fine. */
void usher_free(struct usher *engine);

#define USHER_ATTACH_STRICT 1u             /* fail where it would warn */
#define USHER_ATTACH_KEEP_SESSION_CACHE 2u /* leave the cache as it is */

/*
 * Lets the engine decide about the tickets of a server's SSL_CTX. Replaces
 * callbacks set by SSL_CTX_set_session_ticket_cb. Because sessions in the
 * server's cache resume without a ticket, and so without `decrypt`, the server
 * side of the session cache is switched off, internal look-up forbidden and
 * the cache flushed, unless USHER_ATTACH_KEEP_SESSION_CACHE is given. What
 * else could bypass the policy is a warning in the log, an error with
 * USHER_ATTACH_STRICT. Attaching again to the same engine changes nothing, to
 * another one swaps it. Attach before handshakes run in ctx for the first
 * time; later calls are safe at any time.
 */
int usher_attach(struct usher *engine, SSL_CTX *ctx, unsigned int flags,
    struct usher_error *error);

/* Takes the engine off a context; OpenSSL's defaults decide again, and the
 * session cache gets the mode back that it had. -1 if ctx is NULL or nothing
 * is attached. */
int usher_detach(SSL_CTX *ctx);

/*
 * Replacing the script of a running engine. A new version is loaded, and its
 * top level and `selftest` run, beside the one that decides; then it takes its
 * place, at once and whole. A handshake keeps the version that it began with.
 * On failure nothing changes. No handshake waits for any of this; callers wait
 * for one another. Which version is active is each process's own: after a
 * fork, each replaces its own. Not from a log or decision function.
 */

/* Reads the script's source again: the file, or the text last given. The same
 * content as before changes nothing and is no error. */
int usher_reload(struct usher *engine, struct usher_error *error);

/* Loads a text, which becomes the source. Files are no longer watched then. */
int usher_replace_text(struct usher *engine, const char *name, const char *text,
    size_t len, struct usher_error *error);

/*
 * Reloads by itself when the script's file changes, or another one that it was
 * made from: at most half a second, and the time to load, after the file is
 * closed. A thread of the engine's sees to it (all signals blocked in it), with
 * inotify(7), or by looking where that is not to be had. In a forked child it
 * starts at the first use of the engine. Failures are logged. A text can't be
 * watched: an error. 0 switches it off.
 */
int usher_watch(struct usher *engine, int on, struct usher_error *error);

/* Makes the version before the active one the active one again. What is rolled
 * back stays so until the content of the source is another one: reloading the
 * same changes nothing. There is one way back: a second rollback in a row is
 * an error. */
int usher_rollback(struct usher *engine, struct usher_error *error);

/*
 * A shadow is another version that is asked first, beside the active one, with
 * a budget of its own and without any effect; where it would have decided
 * otherwise is counted, logged and told to the decision function. Loading one
 * takes the place of the one before. usher_reload does not touch it; a watcher
 * reloads its file as well as the script's.
 */
int usher_shadow_file(
    struct usher *engine, const char *path, struct usher_error *error);
int usher_shadow_text(struct usher *engine, const char *name, const char *text,
    size_t len, struct usher_error *error);

/* Lets the shadow decide for real, and alone, for a share of the clients: those
 * of `per_mille` out of a thousand networks (/24 of IPv4, /48 of IPv6), the
 * same ones in all processes of the engine that have this shadow. A client
 * without a known address stays with the active version. Another shadow begins
 * with a share of 0. -1 if there is no shadow, or the share is over 1000. */
int usher_canary(
    struct usher *engine, unsigned int per_mille, struct usher_error *error);

/* Makes the shadow the active version. What the script's source holds is not
 * taken up again until its content is another one; usher_rollback leads back.
 * -1 if there is no shadow. */
int usher_promote(struct usher *engine, struct usher_error *error);

/* Takes the shadow away. -1 if there is none. */
int usher_shadow_drop(struct usher *engine, struct usher_error *error);

/* What became of a version. */
enum usher_event {
	USHER_EVENT_LOADED,         /* it became the active one */
	USHER_EVENT_REFUSED,        /* it could not be loaded */
	USHER_EVENT_ROLLED_BACK,    /* it became the active one again */
	USHER_EVENT_SHADOW,         /* it became the shadow */
	USHER_EVENT_SHADOW_DROPPED, /* it was the shadow */
	USHER_EVENT_PROMOTED        /* the shadow became the active one */
};

/* Members are only ever added at the end. */
struct usher_history {
	size_t size; /* of the struct in the running library */
	enum usher_event event;
	int64_t time;      /* seconds since 1970 */
	char revision[17]; /* 16 hex digits; "" if it could not be read */
	char name[65];     /* of the policy; "" if it has none */
	char script[256];  /* path, or name of the text */
	char message[768]; /* why it was refused; "" otherwise */
};

/* The events of the last versions in this process: the newest is 0 back, the
 * oldest at most 15. Copies the first `size` bytes. -1 if there is none so far
 * back. */
int usher_history_get(const struct usher *engine, unsigned int back,
    struct usher_history *history, size_t size);

/*
 * Statistics of an engine, counted since usher_new, over all its threads and
 * all processes forked after it. Members are only ever added at the end.
 */
struct usher_stats {
	uint64_t decrypt_calls;  /* dec_cb came */
	uint64_t decrypt_runs;   /* and the script's decrypt ran */
	uint64_t generate_calls; /* gen_cb came */
	uint64_t generate_runs;  /* and the script's generate ran */
	/* What OpenSSL was told. */
	uint64_t use;
	uint64_t use_renew;
	uint64_t ignore;
	uint64_t ignore_renew;
	uint64_t abort;
	uint64_t generate_end; /* generate ended the handshake */
	/* Script errors, by what on_error was asked for. */
	uint64_t decrypt_errors;
	uint64_t generate_errors;
	/* The same errors, by kind. */
	uint64_t errors_script;
	uint64_t errors_return;
	uint64_t errors_instructions;
	uint64_t errors_cpu_time;
	uint64_t errors_memory;
	uint64_t errors_app_data;
	uint64_t errors_system;
	/* Guards. */
	uint64_t remembered;         /* a second ClientHello's verdict */
	uint64_t identities_refused; /* beyond the 16 runs of a handshake */
	uint64_t budget_refused;     /* beyond the budget of a handshake */
	uint64_t stateful_tickets;   /* issued, and never seen by decrypt */
	uint64_t bypasses;           /* resumed without being asked */
	/* What happened: counted with the first ticket made, or when the SSL
	 * is freed. */
	uint64_t resumed;     /* after use / use_renew */
	uint64_t not_resumed; /* although decrypt said use or use_renew */
	/* States. */
	uint64_t states_made;
	uint64_t states_closed;
	/* Generations of the script, in all processes. */
	uint64_t reloads;         /* taken up in place of another */
	uint64_t reload_failures; /* refused, as a shadow too */
	uint64_t rollbacks;
	uint64_t promotions;
	uint64_t generations_made;
	uint64_t generations_freed;
	/* Shadow and canary. */
	uint64_t shadow_runs;        /* its decrypt or generate ran */
	uint64_t shadow_errors;      /* and failed */
	uint64_t shadow_differences; /* it said something else */
	uint64_t canary_decisions;   /* it decided for real */
	/* The store. */
	uint64_t store_hits;        /* keys that get, add or incr found */
	uint64_t store_misses;      /* and those that they did not find */
	uint64_t store_evictions;   /* living entries displaced by others */
	uint64_t store_expirations; /* entries removed since they expired */
	uint64_t store_timeouts;    /* operations given up: lock held */
	uint64_t store_recoveries;  /* shards put in order after a crash */
	/* Callbacks of handshakes that took too long: usher(7), "The life of a
	 * generation". */
	uint64_t generations_missed;
};

/* Copies the first `size` bytes, at most sizeof *stats as the library knows
 * it, and zeroes the rest. */
int usher_stats_get(
    const struct usher *engine, struct usher_stats *stats, size_t size);

/* Receives text: 0, or anything else to say that it went wrong. */
typedef int (*usher_write_fn)(void *arg, const char *text, size_t len);

/* The same, and how often each reason was given (the first 32, then "other"),
 * as text for Prometheus, format version 0.0.4, in one call of `fn`. -1 if that
 * does not return 0, or memory is short. */
int usher_stats_write(const struct usher *engine, usher_write_fn fn, void *arg);

/*
 * What a host and its script tell each other about one connection, by name:
 * conn.vars.NAME in the script. At most 64 names of 1 to 64 bytes, and 64 KiB,
 * per connection. What the host sets lives with the SSL; what a script sets,
 * for the handshake. value NULL removes. -1 if a limit is reached.
 */
int usher_conn_set_string(
    SSL *ssl, const char *name, const char *value, size_t len);

/* The value of conn.vars.NAME, NUL-terminated (len may be NULL), or NULL.
 * Valid until it is set again, the next handshake, or SSL_free. */
const char *usher_conn_get_string(SSL *ssl, const char *name, size_t *len);

/* What was decided about the ticket that this handshake offered: "use",
 * "use_renew", "ignore", "ignore_renew", "abort"; NULL if none was asked
 * about. With several, the last. The string is static. */
const char *usher_conn_verdict(SSL *ssl);
/* Why: the script's reason or Usher's own, or NULL. Valid as above. */
const char *usher_conn_reason(SSL *ssl);

/* The peer's address, where the SSL's file descriptor can't tell: behind a
 * proxy, or without a socket. Lives with the SSL. NULL, 0 forgets it; an
 * address that is neither IPv4 nor IPv6 is taken for none. */
int usher_conn_set_peer(SSL *ssl, const struct sockaddr *addr, socklen_t len);

/*
 * The app data that the host itself had set by SSL_SESSION_set1_ticket_appdata,
 * whether they stand alone or inside an envelope. Owned by the session. 0, with
 * NULL and 0 if there are none; -1 if session is NULL.
 */
int usher_session_get0_host_app_data(
    SSL_SESSION *session, const void **data, size_t *len);

/* The library's version, "MAJOR.MINOR.PATCH". Static. */
const char *usher_version(void);

#ifdef __cplusplus
}
#endif

#endif
