/*
 * SPDX-License-Identifier: MIT
 *
 * Random bytes from a pool per thread, digests, hex digits.
 */
#include "lib/crypto.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { POOL = 2048 };

/* Bumped in each forked child: a pool of another number is its parent's. */
static atomic_uint forks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Thread_local struct {
	unsigned char bytes[POOL];
	size_t left;
	unsigned int forks;
} pool;

/*
 * libcrypto has locks, and they do not survive a fork beside a thread that
 * holds one: the child would wait for ever. For its own threads that is up to
 * the host, but of ours it knows nothing; so a fork waits for them.
 */
static pthread_mutex_t inside = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool is_background;

static void
enter(void)
{
	if (is_background)
		pthread_mutex_lock(&inside);
}

static void
leave(void)
{
	if (is_background)
		pthread_mutex_unlock(&inside);
}

static void
before_fork(void)
{
	pthread_mutex_lock(&inside);
}

static void
in_parent(void)
{
	pthread_mutex_unlock(&inside);
}

static void
in_child(void)
{
	atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
	pthread_mutex_unlock(&inside);
}

static void
watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

void
ush_crypto_background_begin(void)
{
	pthread_once(&once, watch_forks);
	is_background = true;
}

void
ush_crypto_background_end(void)
{
	enter();
	OPENSSL_thread_stop();
	leave();
	is_background = false;
}

static int
generate(void *buf, size_t len)
{
	int ok;

	enter();
	ERR_set_mark();
	ok = RAND_bytes(buf, (int)len);
	ERR_pop_to_mark();
	leave();
	if (ok == 1)
		return 0;
	memset(buf, 0, len);
	return -1;
}

/* What is given out is wiped. Eight bytes are what a ticket takes. */
static inline void
take(void *buf, unsigned char *from, size_t len)
{
	if (len == 8) {
		memcpy(buf, from, 8);
		memset(from, 0, 8);
	} else {
		memcpy(buf, from, len);
		memset(from, 0, len);
	}
}

int
ush_random(void *buf, size_t len)
{
	unsigned int now = atomic_load_explicit(&forks, memory_order_relaxed);

	if (len > POOL / 16)
		return generate(buf, len);
	if (pool.left < len || pool.forks != now) {
		pool.left = 0;
		pthread_once(&once, watch_forks);
		if (generate(pool.bytes, POOL) != 0) {
			memset(buf, 0, len);
			return -1;
		}
		pool.left = POOL;
		pool.forks = now;
	}
	pool.left -= len;
	take(buf, pool.bytes + pool.left, len);
	return 0;
}

int
ush_sha256(const void *p, size_t len, unsigned char out[USH_SHA256_LEN])
{
	int ok;

	enter();
	ERR_set_mark();
	ok = EVP_Digest(p, len, out, NULL, EVP_sha256(), NULL);
	ERR_pop_to_mark();
	leave();
	if (ok == 1)
		return 0;
	memset(out, 0, USH_SHA256_LEN);
	return -1;
}

int
ush_hmac_sha256(const void *key, size_t key_len, const void *p, size_t len,
    unsigned char out[USH_SHA256_LEN])
{
	unsigned int out_len = 0;
	const unsigned char *made = NULL;

	enter();
	ERR_set_mark();
	if (key_len <= INT_MAX)
		made = HMAC(
		    EVP_sha256(), key, (int)key_len, p, len, out, &out_len);
	ERR_pop_to_mark();
	leave();
	if (made && out_len == USH_SHA256_LEN)
		return 0;
	memset(out, 0, USH_SHA256_LEN);
	return -1;
}

void
ush_hex(char *out, const unsigned char *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}
