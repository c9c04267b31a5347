/*
 * SPDX-License-Identifier: MIT
 *
 * Share and revision are one word, so that nobody reads one of them with the
 * other of before: 54 bits of the revision, and 10 of the share.
 */
#include "policy/canary.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/crypto.h"

enum { SHARE_BITS = 10, KEY = 16, NETWORK_MAX = 16 };

#define SHARE_MASK ((UINT64_C(1) << SHARE_BITS) - 1)

struct ush_canary {
	unsigned char key[KEY];
	_Atomic uint64_t word;
};

struct ush_canary *
ush_canary_new(void)
{
	struct ush_canary *canary = mmap(NULL, sizeof *canary,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (canary == MAP_FAILED)
		return NULL;
	/* Without randomness the choice can be foreseen, and works. */
	ush_random(canary->key, sizeof canary->key);
	return canary;
}

void
ush_canary_free(struct ush_canary *canary)
{
	if (canary)
		munmap(canary, sizeof *canary);
}

void
ush_canary_set(
    struct ush_canary *canary, uint64_t revision, unsigned int per_mille)
{
	atomic_store(&canary->word, (revision & ~SHARE_MASK) | per_mille);
}

unsigned int
ush_canary_get(const struct ush_canary *canary, uint64_t revision)
{
	uint64_t word = atomic_load(&canary->word);

	if (((word ^ revision) & ~SHARE_MASK) != 0)
		return 0;
	return (unsigned int)(word & SHARE_MASK);
}

bool
ush_canary_has(const struct ush_canary *canary, unsigned int per_mille,
    const void *network, size_t len)
{
	unsigned char text[KEY + NETWORK_MAX], digest[USH_SHA256_LEN];
	uint64_t hash;

	if (per_mille == 0 || len > NETWORK_MAX)
		return false;
	if (per_mille >= USH_CANARY_ALL)
		return true;
	memcpy(text, canary->key, KEY);
	memcpy(text + KEY, network, len);
	if (ush_sha256(text, KEY + len, digest) != 0)
		return false;
	memcpy(&hash, digest, sizeof hash);
	return hash % USH_CANARY_ALL < per_mille;
}
