/*
 * SPDX-License-Identifier: MIT
 *
 * The wire in memory: per direction a list of packets that were written, and a
 * list of those delivered. OpenSSL 3.0 has no datagram BIO in memory, and its
 * stream BIOs deliver at once; hence a BIO of our own.
 */
#include "wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct packet {
	struct packet *next;
	size_t len;
	size_t off; /* read so far */
	unsigned char data[];
};

struct queue {
	struct packet *first;
	struct packet **last;
};

struct direction {
	struct queue outbox;
	struct queue inbox;
};

struct port {
	struct wire *wire;
	struct direction *in;
	struct direction *out;
};

struct wire {
	int datagrams;
	struct direction from[2]; /* by enum wire_end: who wrote */
	struct port ports[2];
};

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void
queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void
queue_add(struct queue *queue, const void *data, size_t len)
{
	struct packet *packet = malloc(sizeof *packet + len);

	if (!packet)
		abort();
	packet->next = NULL;
	packet->len = len;
	packet->off = 0;
	memcpy(packet->data, data, len);
	*queue->last = packet;
	queue->last = &packet->next;
}

static void
queue_drop_first(struct queue *queue)
{
	struct packet *packet = queue->first;

	queue->first = packet->next;
	if (!queue->first)
		queue->last = &queue->first;
	free(packet);
}

static void
queue_clear(struct queue *queue)
{
	while (queue->first)
		queue_drop_first(queue);
}

static size_t
queue_size(const struct queue *queue)
{
	const struct packet *packet;
	size_t size = 0;

	for (packet = queue->first; packet; packet = packet->next)
		size += packet->len - packet->off;
	return size;
}

static int
port_write(BIO *bio, const char *data, int len)
{
	struct port *port = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return 0;
	queue_add(&port->out->outbox, data, (size_t)len);
	return len;
}

static int
port_read(BIO *bio, char *data, int len)
{
	struct port *port = BIO_get_data(bio);
	struct packet *packet = port->in->inbox.first;
	size_t n;

	BIO_clear_retry_flags(bio);
	if (!packet) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = packet->len - packet->off;
	if (n > (size_t)len)
		n = (size_t)len;
	memcpy(data, packet->data + packet->off, n);
	packet->off += n;
	if (port->wire->datagrams || packet->off == packet->len)
		queue_drop_first(&port->in->inbox);
	return (int)n;
}

static long
port_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	struct port *port = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
		return 1;
	case BIO_CTRL_PENDING:
		return (long)queue_size(&port->in->inbox);
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return 1400;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return 28;
	default:
		return 0;
	}
}

static int
port_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void
method_make(void)
{
	method = BIO_meth_new(
	    BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "usher test wire");
	if (!method || !BIO_meth_set_write(method, port_write) ||
	    !BIO_meth_set_read(method, port_read) ||
	    !BIO_meth_set_ctrl(method, port_ctrl) ||
	    !BIO_meth_set_create(method, port_create))
		abort();
}

struct wire *
wire_new(int datagrams)
{
	struct wire *wire = calloc(1, sizeof *wire);
	int end;

	if (!wire)
		abort();
	wire->datagrams = datagrams;
	for (end = 0; end < 2; end++) {
		queue_init(&wire->from[end].outbox);
		queue_init(&wire->from[end].inbox);
		wire->ports[end].wire = wire;
		wire->ports[end].out = &wire->from[end];
		wire->ports[end].in = &wire->from[!end];
	}
	return wire;
}

void
wire_clear(struct wire *wire)
{
	int end;

	for (end = 0; end < 2; end++) {
		queue_clear(&wire->from[end].outbox);
		queue_clear(&wire->from[end].inbox);
	}
}

void
wire_free(struct wire *wire)
{
	if (!wire)
		return;
	wire_clear(wire);
	free(wire);
}

BIO *
wire_bio(struct wire *wire, enum wire_end end)
{
	BIO *bio;

	pthread_once(&method_once, method_make);
	bio = BIO_new(method);
	if (!bio)
		abort();
	BIO_set_data(bio, &wire->ports[end]);
	return bio;
}

size_t
wire_pending(const struct wire *wire, enum wire_end end)
{
	return queue_size(&wire->from[end].outbox);
}

size_t
wire_deliver(struct wire *wire, enum wire_end end)
{
	struct queue *outbox = &wire->from[end].outbox;
	struct queue *inbox = &wire->from[end].inbox;
	size_t size = queue_size(outbox);

	if (!outbox->first)
		return 0;
	*inbox->last = outbox->first;
	inbox->last = outbox->last;
	queue_init(outbox);
	return size;
}

unsigned char *
wire_take(struct wire *wire, enum wire_end end, size_t *len)
{
	struct queue *outbox = &wire->from[end].outbox;
	unsigned char *data, *at;

	*len = queue_size(outbox);
	if (*len == 0)
		return NULL;
	at = data = malloc(*len);
	if (!data)
		abort();
	while (outbox->first) {
		memcpy(at, outbox->first->data, outbox->first->len);
		at += outbox->first->len;
		queue_drop_first(outbox);
	}
	return data;
}

void
wire_put(
    struct wire *wire, enum wire_end end, const unsigned char *data, size_t len)
{
	queue_add(&wire->from[end].inbox, data, len);
}
