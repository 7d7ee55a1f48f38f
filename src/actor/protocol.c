/* Frames, driven by the protocol's table: one encoder and one decoder for all kinds. The decoder checks
 * in this order: length, array, kind, state, number of fields, each field, nothing left over. */
#include "actor/protocol.h"

#include "base/error.h"
#include "value/msgpack.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

struct kind {
    const char *name;
    const tr_field *fields;
    size_t count;
    enum session_state state;
};

static const struct kind kinds[] = {
#define ROW_(KIND, STRUCT, FIELDS, STATE)                                                          \
    [FRAME_##KIND] = {#KIND, STRUCT##_tr_fields_, (FIELDS), (STATE)},
    PROTOCOL(ROW_)
#undef ROW_
};

_Static_assert(FRAME_HEADER == sizeof(uint32_t), "it is read and written as one");

static const size_t payload_offset = offsetof(struct frame, hello);

const char *frame_name(enum frame_kind kind)
{
    return kinds[kind].name;
}

/* ---- sending ------------------------------------------------------------------------------------- */

static bool is_raw(const tr_field *field)
{
    return field->type->kind == TR_RAW;
}

/* Its last field may be there several times. */
static bool has_values(const struct kind *kind)
{
    return kind->fields == wire_values_tr_fields_;
}

/* Of an array whose size can still change; how msgpack has those of up to 65535. */
enum { COUNT_LEAD = 0xdc, COUNT_AT = FRAME_HEADER + 1, MOST_VALUES = UINT16_MAX - 2 };

static int put_array(struct buf *out, const struct kind *kind, uint32_t values)
{
    if (!has_values(kind))
        return codec_put_array(out, kind->count + 2);
    const uint32_t fields = (values > 0 ? values : 1) + 2;
    const uint8_t array[] = {COUNT_LEAD, (uint8_t)(fields >> 8), (uint8_t)fields};
    return buf_append(out, array, sizeof array);
}

static int put_head(struct buf *out, const struct frame *frame)
{
    const struct kind *kind = &kinds[frame->kind];
    const char *payload = (const char *)frame + payload_offset;
    const uint8_t length[FRAME_HEADER] = {0};
    tr_try(buf_append(out, length, sizeof length));
    tr_try(put_array(out, kind, frame->count));
    tr_try(msgpack_put_uint(out, frame->kind));
    tr_try(msgpack_put_uint(out, frame->id));
    for (size_t i = 0; i < kind->count && !is_raw(&kind->fields[i]); i++)
        tr_try(codec_encode(out, kind->fields[i].type, payload + kind->fields[i].offset));
    return 0;
}

int frame_open(struct buf *out, const struct frame *frame, size_t *ret_start)
{
    size_t start = out->size;
    int rc = put_head(out, frame);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc == -ENOMEM ? error_raise_plain(rc) : rc;
    }
    *ret_start = start;
    return 0;
}

static int set_size(struct buf *out, size_t start)
{
    size_t size = out->size - start - FRAME_HEADER;
    if (size > LARGEST_FRAME)
        return raise_code(TR_EARGUMENT, "a message of %zu bytes is over the limit of %d", size,
                          LARGEST_FRAME);
    const uint32_t header = htole32((uint32_t)size);
    memcpy(out->data + start, &header, sizeof header);
    return 0;
}

int frame_close(struct buf *out, size_t start)
{
    int rc = set_size(out, start);
    if (rc < 0)
        frame_abandon(out, start);
    return rc;
}

void frame_abandon(struct buf *out, size_t start)
{
    out->size = start;
}

int frame_put(struct buf *out, const struct frame *frame)
{
    size_t start;
    int rc = frame_open(out, frame, &start);
    return rc < 0 ? rc : frame_close(out, start);
}

/* ---- several values ------------------------------------------------------------------------------ */

/* A frame is not made longer than this by one more: who reads it shall soon begin. */
enum { RUN_ENOUGH = 16 * 1024 };

static bool goes_on(const struct buf *out, const struct frame_run *run, enum frame_kind kind, uint64_t id)
{
    return run->count > 0 && run->end == out->size && run->id == id && run->kind == kind &&
           run->end - run->start < RUN_ENOUGH && run->count < MOST_VALUES;
}

int frame_begin_value(struct buf *out, struct frame_run *run, enum frame_kind kind, uint64_t id, size_t *ret_start)
{
    *ret_start = out->size;
    if (goes_on(out, run, kind, id))
        return 0;
    tr_try(frame_open(out, &(struct frame){.kind = kind, .id = id}, ret_start));
    *run = (struct frame_run){.kind = kind, .id = id, .start = *ret_start};
    return 0;
}

static void set_count(struct buf *out, const struct frame_run *run)
{
    uint32_t fields = run->count + 2;
    out->data[run->start + COUNT_AT] = (uint8_t)(fields >> 8);
    out->data[run->start + COUNT_AT + 1] = (uint8_t)fields;
}

int frame_end_value(struct buf *out, struct frame_run *run, size_t start, int rc)
{
    if (rc >= 0)
        rc = set_size(out, run->start);
    if (rc < 0) {
        frame_abandon(out, start);
        return rc == -ENOMEM ? error_raise_plain(rc) : rc;
    }
    run->count++;
    run->end = out->size;
    set_count(out, run);
    return 0;
}

/* ---- receiving ----------------------------------------------------------------------------------- */

/* What the header says of the size of the rest; it must be there. */
static size_t announced(const struct buf *in)
{
    uint32_t header;
    memcpy(&header, in->data, sizeof header);
    return le32toh(header);
}

size_t frame_rest(const struct buf *in)
{
    size_t size = in->size < FRAME_HEADER ? 0 : FRAME_HEADER + announced(in);
    return size > in->size ? size - in->size : 0;
}

long frame_measure(const struct buf *in, enum session_state state)
{
    if (in->size < FRAME_HEADER)
        return 0;
    size_t size = announced(in);
    size_t most = state == SESSION_GREETING ? LARGEST_GREETING : LARGEST_FRAME;
    if (size > most)
        return raise_code(TR_EPROTOCOL, "a frame of %zu bytes, where %zu are allowed", size, most);
    return in->size < FRAME_HEADER + size ? 0 : (long)(FRAME_HEADER + size);
}

static int get_head(struct reader *from, enum session_state state, struct frame *ret,
                    const struct kind **ret_kind)
{
    size_t count;
    uint64_t number;
    tr_try(codec_get_array(from, &count));
    tr_try(codec_get_uint(from, &number));
    if (number >= FRAME_KINDS)
        return raise_code(TR_EPROTOCOL, "a frame of the unknown kind %llu", (unsigned long long)number);
    const struct kind *kind = &kinds[number];
    if (kind->state != state)
        return raise_code(TR_EPROTOCOL, "a %s frame is not allowed at this point", kind->name);
    if (has_values(kind) ? count < kind->count + 2 : count != kind->count + 2)
        return raise_code(TR_EPROTOCOL, "a %s frame of %zu fields", kind->name, count);
    tr_try(codec_get_uint(from, &ret->id));
    ret->kind = (enum frame_kind)number;
    ret->count = (uint32_t)(count - 2); /* no more than there are bytes */
    ret->last = 0;
    ret->raw = (tr_bytes){0};
    ret->unchecked = false;
    ret->view = NULL;
    *ret_kind = kind;
    return 0;
}

/* Calls are most of what there is, and decoded by who gets them: to look at each value once is enough. */
static int get_raw(struct reader *from, struct frame *ret)
{
    ret->unchecked = ret->kind == FRAME_CALL || ret->kind == FRAME_RETURN;
    if (!ret->unchecked)
        return codec_skip(from, &ret->raw);
    ret->raw = (tr_bytes){from->at, from->left};
    from->left = 0;
    return 0;
}

static int get_fields(struct reader *from, const struct kind *kind, struct arena *memory, struct frame *ret)
{
    for (size_t i = 0; i < kind->count; i++) {
        void *to = (char *)ret + payload_offset + kind->fields[i].offset;
        bool raw = is_raw(&kind->fields[i]);
        tr_try(raw ? get_raw(from, ret) : codec_decode(from, kind->fields[i].type, memory, to));
        if (raw)
            *(tr_raw *)to = ret->raw;
    }
    return 0;
}

static int raise_rest(const struct reader *from)
{
    return from->left ? raise_code(TR_EPROTOCOL, "%zu bytes too many in a frame", from->left) : 0;
}

static int get_frame(struct reader *from, enum session_state state, struct arena *memory,
                     struct frame *ret)
{
    const struct kind *kind = NULL;
    tr_try(get_head(from, state, ret, &kind));
    tr_try(has_values(kind) ? codec_skip_several(from, ret->count, &ret->values.values, &ret->last)
                            : get_fields(from, kind, memory, ret));
    if (has_values(kind))
        ret->raw = ret->values.values;
    ret->far = from->far;
    return raise_rest(from);
}

/* A field of the wrong type is the peer's fault, not an argument's. */
static int raise_nonsense(void)
{
    return raise_code(TR_EPROTOCOL, "a frame that makes no sense: %s", tr_error_message(tr_last_error()));
}

int frame_decode(const uint8_t *bytes, size_t size, enum session_state state, struct arena *memory,
                 struct frame *ret)
{
    struct reader from = {.at = bytes + FRAME_HEADER, .left = size - FRAME_HEADER};
    int rc = get_frame(&from, state, memory, ret);
    return rc == TR_EARGUMENT ? raise_nonsense() : rc;
}

int frame_check(const struct frame *frame, size_t *ret_far)
{
    struct reader from = {.at = frame->raw.data, .left = frame->raw.size};
    tr_bytes span;
    int rc = codec_skip(&from, &span);
    *ret_far = from.far;
    return rc == TR_EARGUMENT ? raise_nonsense() : rc < 0 ? rc : raise_rest(&from);
}
