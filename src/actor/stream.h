/* Streams, at the consumer's end. */
#ifndef ACTOR_STREAM_H
#define ACTOR_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct tr_stream;

/* What a stream that nobody reads may hold, about: enough to keep a fast producer busy over the time that
 * credit takes to come back, and still small for an actor with hundreds of streams. */
enum { STREAM_WINDOW = 256 * 1024 };

/* What a value costs of the window beyond its encoded bytes: it bounds how many small ones there are. */
enum { STREAM_VALUE_COST = 32 };

/* Its call is done: whoever waits for a value need wait no longer. */
void stream_ended(struct tr_stream *stream);

#endif
