/* The table of remote functions: a list that constructors push onto before main, looked through by name.
 * A signature is walked twice the same way, once into text and once into a hash, so the two cannot
 * disagree about what belongs to it. */
#include "value/function.h"

#include "base/error.h"
#include "base/panic.h"
#include "value/codec.h"

#include <string.h>

static tr_fn_entry *functions;

void tr_register_(tr_fn_entry *entry)
{
    entry->next = functions;
    functions = entry;
}

const char *tr_module_of_(const char *module, const char *file, char *room, size_t size)
{
    if (module)
        return module;
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    const char *dot = strrchr(name, '.');
    size_t length = dot ? (size_t)(dot - name) : strlen(name);
    if (length >= size)
        length = size - 1;
    memcpy(room, name, length);
    room[length] = '\0';
    return room;
}

const char *function_module(const tr_fn_info *fn, char room[MODULE_ROOM])
{
    return tr_module_of_(fn->module, fn->file, room, MODULE_ROOM);
}

static bool is_named(const tr_fn_info *fn, const char *module, const char *name)
{
    char room[MODULE_ROOM];
    return strcmp(fn->name, name) == 0 && strcmp(function_module(fn, room), module) == 0;
}

const tr_fn_entry *function_find(const char *module, const char *name)
{
    for (const tr_fn_entry *entry = functions; entry; entry = entry->next)
        if (is_named(entry->info, module, name))
            return entry;
    return NULL;
}

const tr_fn_entry *function_next(const tr_fn_entry *entry)
{
    return entry ? entry->next : functions;
}

void functions_freeze(void)
{
    for (const tr_fn_entry *entry = functions; entry; entry = entry->next) {
        char room[MODULE_ROOM];
        const char *module = function_module(entry->info, room);
        const tr_fn_entry *first = function_find(module, entry->info->name);
        if (first && first->info != entry->info)
            panic("function %s.%s is defined twice, at %s and at %s", module,
                  entry->info->name, first->info->at, entry->info->at);
    }
}

bool module_exists(const char *module)
{
    char room[MODULE_ROOM];
    for (const tr_fn_entry *entry = functions; entry; entry = entry->next)
        if (strcmp(function_module(entry->info, room), module) == 0)
            return true;
    return false;
}

void function_list(struct buf *out, const char *module)
{
    char room[MODULE_ROOM];
    for (const tr_fn_entry *entry = functions; entry; entry = entry->next) {
        if (strcmp(function_module(entry->info, room), module) != 0)
            continue;
        (void)buf_append(out, ", ", out->size ? 2 : 0);
        (void)buf_append(out, entry->info->name, strlen(entry->info->name));
    }
}

bool function_exposed(const tr_list_tr_str *entries, const char *module, const char *name)
{
    size_t size = strlen(module);
    for (size_t i = 0; i < entries->count; i++) {
        const char *entry = entries->items[i];
        if (!entry || strncmp(entry, module, size) != 0)
            continue;
        if (!entry[size] || (entry[size] == '.' && strcmp(entry + size + 1, name) == 0))
            return true;
    }
    return false;
}

/* ---- signatures -------------------------------------------------------------------------------------- */

/* Where the pieces of a signature go: to a text, or into a hash. */
struct pen {
    struct buf *text;           /* NULL: hash only */
    bool defaults;              /* in the text: they are no part of a signature */
    uint64_t hash;
    int rc;
};

static void spell(struct pen *pen, const char *piece)
{
    for (const char *at = piece; *at; at++) /* FNV-1a */
        pen->hash = (pen->hash ^ (unsigned char)*at) * 0x100000001b3u;
    if (pen->text && pen->rc >= 0)
        pen->rc = buf_append(pen->text, piece, strlen(piece));
}

static long long integer_at(const tr_type *type, const void *at)
{
    switch (type->kind) {
    case TR_INT8:
        return *(const int8_t *)at;
    case TR_INT16:
        return *(const int16_t *)at;
    case TR_INT32:
        return *(const int32_t *)at;
    case TR_UINT8:
        return *(const uint8_t *)at;
    case TR_UINT16:
        return *(const uint16_t *)at;
    case TR_UINT32:
        return *(const uint32_t *)at;
    default:
        return *(const int64_t *)at;
    }
}

/* What is no number, no text and no truth cannot be written as a default. */
static void write_default(struct pen *pen, const tr_type *type, const void *constant)
{
    if (pen->rc < 0 || type->kind >= TR_BYTES)
        return;
    if (type->kind == TR_STR)
        pen->rc = buf_print(pen->text, " = \"%s\"", *(const tr_str *)constant);
    else if (type->kind == TR_DOUBLE)
        pen->rc = buf_print(pen->text, " = %g", *(const double *)constant);
    else if (type->kind == TR_BOOL)
        pen->rc = buf_print(pen->text, " = true"); /* what else: zero is no default */
    else
        pen->rc = buf_print(pen->text, " = %lld", integer_at(type, constant));
}

static void write_type(struct pen *pen, const tr_type *type, int depth);

static void write_fields(struct pen *pen, const tr_field *fields, int depth)
{
    for (const tr_field *field = fields; field->name; field++) {
        spell(pen, field == fields ? "" : ", ");
        spell(pen, field->name);
        spell(pen, ": ");
        write_type(pen, field->type, depth + 1);
        if (pen->defaults && field->fallback)
            write_default(pen, field->type, field->fallback);
    }
}

static void write_type(struct pen *pen, const tr_type *type, int depth)
{
    spell(pen, type->name);
    if (depth > CODEC_AGREED)
        return;
    if (type->kind == TR_STRUCT) {
        spell(pen, "{");
        write_fields(pen, type->fields, depth);
        spell(pen, "}");
    } else if (type->kind == TR_LIST) {
        spell(pen, "<");
        write_type(pen, type->item, depth + 1);
        spell(pen, ">");
    }
}

static void write_part(struct pen *pen, const char *before, const tr_type *type, const char *after)
{
    spell(pen, before);
    write_type(pen, type, 0);
    spell(pen, after);
}

static void write_way(struct pen *pen, const tr_fn_info *fn)
{
    if (fn->way == TR_WAY_STREAM) {
        write_part(pen, "stream ", fn->item, " ");
        return;
    }
    if (fn->way == TR_WAY_CONTEXT) {
        write_part(pen, "context (", fn->first, "");
        write_part(pen, ", ", fn->heard, "");
        write_part(pen, ", ", fn->item, ") ");
    }
    write_part(pen, "", fn->out, " ");
}

static void write_signature(struct pen *pen, const tr_fn_info *fn)
{
    write_way(pen, fn);
    spell(pen, fn->name);
    spell(pen, "(");
    write_fields(pen, fn->args, 0);
    spell(pen, ")");
}

int function_signature(struct buf *out, const tr_fn_info *fn)
{
    struct pen pen = {.text = out};
    write_signature(&pen, fn);
    return pen.rc;
}

int function_text(struct buf *out, const tr_fn_info *fn)
{
    struct pen pen = {.text = out, .defaults = true};
    write_signature(&pen, fn);
    return pen.rc;
}

int type_signature(struct buf *out, const tr_type *type)
{
    struct pen pen = {.text = out};
    write_type(&pen, type, 0);
    return pen.rc;
}

static uint64_t compute_hash(const tr_fn_info *fn)
{
    struct pen pen = {.hash = 0xcbf29ce484222325u};
    char room[MODULE_ROOM];
    spell(&pen, function_module(fn, room));
    spell(&pen, ".");
    write_signature(&pen, fn);
    return pen.hash ? pen.hash : 1;
}

/* Whoever comes first computes it; on two threads both do, and it is the same. */
uint64_t function_hash(const tr_fn_info *fn)
{
    uint64_t hash = fn->signature_ ? __atomic_load_n(fn->signature_, __ATOMIC_RELAXED) : 0;
    if (hash)
        return hash;
    hash = compute_hash(fn);
    if (fn->signature_)
        __atomic_store_n(fn->signature_, hash, __ATOMIC_RELAXED);
    return hash;
}
