/*
 * SPDX-License-Identifier: MIT
 *
 * SipHash (Aumasson and Bernstein, 2012) with one round for each word and
 * three at the end.
 */
#include "data/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
	uint64_t a, b, c, d;
};

static inline uint64_t
left(uint64_t x, unsigned int n)
{
	return x << n | x >> (64 - n);
}

/* Little endian, whatever the machine is. */
static inline uint64_t
word(const unsigned char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return le64toh(x);
}

/* The same of fewer than 8 bytes. */
static inline uint64_t
part(const unsigned char *p, size_t len)
{
	uint64_t x = 0;

	while (len > 0)
		x = x << 8 | p[--len];
	return x;
}

static inline void
mix(struct sip *s)
{
	s->a += s->b;
	s->b = left(s->b, 13) ^ s->a;
	s->a = left(s->a, 32);
	s->c += s->d;
	s->d = left(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = left(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = left(s->b, 17) ^ s->c;
	s->c = left(s->c, 32);
}

static inline void
take(struct sip *s, uint64_t x)
{
	s->d ^= x;
	mix(s);
	s->a ^= x;
}

uint64_t
ush_siphash(const unsigned char key[USH_SIPHASH_KEY], const void *p, size_t len)
{
	uint64_t k0 = word(key), k1 = word(key + 8);
	struct sip s = {
	    k0 ^ 0x736f6d6570736575,
	    k1 ^ 0x646f72616e646f6d,
	    k0 ^ 0x6c7967656e657261,
	    k1 ^ 0x7465646279746573,
	};
	const unsigned char *at = p;
	size_t n = len;

	for (; n >= 8; n -= 8, at += 8)
		take(&s, word(at));
	take(&s, part(at, n) | (uint64_t)len << 56);
	s.c ^= 0xff;
	for (int i = 0; i < 3; i++)
		mix(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
