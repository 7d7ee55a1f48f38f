/* Texts and values: JSON by way of json-c, which parses and writes it; here is only what its objects are to us. And the
 * figures of tables. */
#include "cli.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEEPEST = 32 };

/* ---- to JSON ------------------------------------------------------------------------------------------- */

static struct json_object *object_of(const tr_value *value);

/* Each byte a character, since JSON has no bytes. */
static struct json_object *object_of_bytes(tr_bytes bytes)
{
    const unsigned char *from = bytes.data;
    char *text = malloc(2 * bytes.size + 1);
    int size = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < bytes.size; i++) {
        if (from[i] >= 0x80)
            text[size++] = (char)(0xc0 | from[i] >> 6);
        text[size++] = (char)(from[i] >= 0x80 ? 0x80 | (from[i] & 0x3f) : from[i]);
    }
    struct json_object *object = json_object_new_string_len(text, size);
    free(text);
    return object;
}

static struct json_object *object_of_array(const tr_value *value)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < value->array.count; i++)
        json_object_array_add(array, object_of(&value->array.items[i]));
    return array;
}

static struct json_object *object_of_map(const tr_value *value)
{
    struct json_object *map = json_object_new_object();
    for (size_t i = 0; i < value->map.count; i++)
        json_object_object_add(map, value->map.pairs[i].key, object_of(&value->map.pairs[i].value));
    return map;
}

/* NULL is JSON's null. */
static struct json_object *object_of(const tr_value *value)
{
    switch (value->kind) {
    case TR_BOOLEAN:
        return json_object_new_boolean(value->boolean);
    case TR_INTEGER:
        return json_object_new_int64(value->integer);
    case TR_UNSIGNED:
        return json_object_new_uint64(value->unsigned_);
    case TR_REAL:
        return isfinite(value->real) ? json_object_new_double(value->real) : NULL;
    case TR_TEXT:
        return json_object_new_string(value->text);
    case TR_BINARY:
        return object_of_bytes(value->binary);
    case TR_ARRAY:
        return object_of_array(value);
    case TR_MAP:
        return object_of_map(value);
    default:
        return NULL;
    }
}

char *value_to_json(const tr_value *value)
{
    struct json_object *object = object_of(value);
    char *text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    return text;
}

/* ---- from JSON ----------------------------------------------------------------------------------------- */

static bool value_of_object(struct json_object *object, tr_value *ret);

static bool value_of_array(struct json_object *object, tr_value *ret)
{
    const size_t count = json_object_array_length(object);
    tr_value *items = tr_alloc((count + 1) * sizeof *items);
    for (size_t i = 0; items && i < count; i++)
        if (!value_of_object(json_object_array_get_idx(object, i), &items[i]))
            return false;
    *ret = (tr_value){.kind = TR_ARRAY, .array = {items, count}};
    return items != NULL;
}

static bool value_of_map(struct json_object *object, tr_value *ret)
{
    tr_pair *pairs = tr_alloc(((size_t)json_object_object_length(object) + 1) * sizeof *pairs);
    size_t count = 0;
    if (!pairs)
        return false;
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at), count++) {
        pairs[count].key = tr_format("%s", json_object_iter_peek_name(&at));
        if (!pairs[count].key || !value_of_object(json_object_iter_peek_value(&at), &pairs[count].value))
            return false;
    }
    *ret = (tr_value){.kind = TR_MAP, .map = {pairs, count}};
    return true;
}

static tr_value value_of_integer(struct json_object *object)
{
    const uint64_t large = json_object_get_uint64(object);
    if (large > INT64_MAX)
        return (tr_value){.kind = TR_UNSIGNED, .unsigned_ = large};
    return (tr_value){.kind = TR_INTEGER, .integer = json_object_get_int64(object)};
}

/* False when memory is out. */
static bool value_of_object(struct json_object *object, tr_value *ret)
{
    *ret = (tr_value){.kind = TR_NIL};
    switch (json_object_get_type(object)) {
    case json_type_boolean:
        *ret = (tr_value){.kind = TR_BOOLEAN, .boolean = json_object_get_boolean(object)};
        return true;
    case json_type_int:
        *ret = value_of_integer(object);
        return true;
    case json_type_double:
        *ret = (tr_value){.kind = TR_REAL, .real = json_object_get_double(object)};
        return true;
    case json_type_string:
        *ret = (tr_value){.kind = TR_TEXT, .text = tr_format("%s", json_object_get_string(object))};
        return ret->text != NULL;
    case json_type_array:
        return value_of_array(object, ret);
    case json_type_object:
        return value_of_map(object, ret);
    default:
        return true;
    }
}

const char *value_of_json(const char *text, tr_value *ret_value)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEEPEST);
    if (!tokener)
        return "no memory";
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
    const enum json_tokener_error error = json_tokener_get_error(tokener);
    const bool whole = json_tokener_get_parse_end(tokener) >= strlen(text);
    const char *why = error != json_tokener_success ? json_tokener_error_desc(error) : whole ? NULL : "more behind it";
    if (!why && !value_of_object(object, ret_value))
        why = "no memory";
    json_object_put(object);
    json_tokener_free(tokener);
    return why;
}

/* ---- showing ------------------------------------------------------------------------------------------- */

/* Bytes of a control character that this begins with, 0 for none: those of ASCII, and U+0080 to U+009F, of which one
 * is to some terminals what ESC [ is. */
static int control_size(const char *text)
{
    const unsigned char c = (unsigned char)text[0], next = c ? (unsigned char)text[1] : 0;
    if (c == 0xc2 && next >= 0x80 && next < 0xa0)
        return 2;
    return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

void print_text(FILE *to, const char *text)
{
    const bool shown = isatty(fileno(to));
    while (*text) {
        int harmful = shown ? control_size(text) : 0;
        if (harmful == 0)
            fputc(*text++, to);
        for (; harmful > 0; harmful--)
            fprintf(to, "\\x%02x", (unsigned char)*text++);
    }
}

void value_print(const tr_value *value, bool json)
{
    char *text = NULL;
    if (!json && value->kind == TR_TEXT)
        print_text(stdout, value->text);
    else if ((text = value_to_json(value)))
        fputs(text, stdout);
    free(text);
    putchar('\n');
    fflush(stdout);
}

const char *duration_text(double seconds, char text[FIGURE_ROOM])
{
    static const struct {
        double from, unit;
        const char *format;
    } steps[] = {{2 * 86400.0, 86400, "%.0f d"}, {2 * 3600.0, 3600, "%.0f h"}, {120, 60, "%.0f min"},
                 {1, 1, "%.1f s"},               {0, 0.001, "%.0f ms"}};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && seconds < steps[i].from)
        i++;
    snprintf(text, FIGURE_ROOM, steps[i].format, seconds / steps[i].unit);
    return text;
}

const char *size_text(uint64_t bytes, char text[FIGURE_ROOM])
{
    const double kib = 1024;
    if ((double)bytes < kib * kib)
        snprintf(text, FIGURE_ROOM, "%.0f KiB", (double)bytes / kib);
    else if ((double)bytes < kib * kib * kib)
        snprintf(text, FIGURE_ROOM, "%.1f MiB", (double)bytes / kib / kib);
    else
        snprintf(text, FIGURE_ROOM, "%.1f GiB", (double)bytes / kib / kib / kib);
    return text;
}
