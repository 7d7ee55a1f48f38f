/* Frames from the protocol's table. */
#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include "actor/protocol.h"
#include "input.h"

struct frame_table {
    const tr_field *fields;
    size_t count;
    enum session_state state;
};
extern const struct frame_table frame_tables[FRAME_KINDS];

/* The raw part at the end of those kinds that have one; empty for others. */
tr_bytes frame_raw(const struct frame *frame);

bool frames_equal(const struct frame *a, const struct frame *b);

/* Appends one of the kind; variants differ in sizes and numbers. */
void make_frame_sample(struct buf *out, enum frame_kind kind, int variant);

/* Appends a frame of the kind whose fields the input chooses: mostly such as make sense, now and then not.
 * Nothing if the buffer is too full. */
void make_frame(struct buf *out, enum frame_kind kind, uint64_t id, struct input *input);


#endif
