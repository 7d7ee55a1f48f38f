/* Values that travel between actors, and the types that describe them.
 *
 * Every type is one identifier, because the description of a type T is found by pasting: tr_type_T. (Of any
 * other, char or int or const char *, the compiler says at length that there is no tr_type_char.)
 * There are bool, the integers from int8_t to uint64_t, double, tr_str, tr_bytes and tr_value, a list
 * of each of these (tr_list_int64_t), and the structs and lists you declare:
 *
 *     tr_struct(leg, (tr_str, venue), (double, price), (int64_t, qty, 1));
 *     tr_list_of(leg);
 *     leg legs[] = {{"XETRA", 1.5, 10}};          tr_list(leg, {"XETRA", 1.5, 10}, {"ARCA"})
 *
 * A member is (type, name) or (type, name, default). Zero means "the default": a member that was not sent, or
 * sent as zero, is filled in by the receiver; so are the members of a struct that was not sent. Defaults are
 * constants: a number, a boolean or a string. A struct or function has at most 16 members.
 *
 * On the wire everything is msgpack: structs are arrays of their members where both sides know the type, and maps
 * keyed by member name elsewhere (in a tr_value, in errors), lists are arrays, tr_str is a string (no zero bytes
 * inside, NULL travels as nil), tr_bytes is binary.
 *
 * What C cannot catch: a double given for an integer or a boolean is silently cut (-Wfloat-conversion
 * tells; `pkg-config --variable=strict_cflags tractor` prints it), and an integer that is too large
 * for a smaller one (-Wconversion). A zero integer literal is also a null string. */
#ifndef TRACTOR_VALUE_H
#define TRACTOR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tractor/error.h"

/* C leaves these as warnings; as errors they make "a wrong argument does not compile" true. */
#pragma GCC diagnostic error "-Wint-conversion"
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#pragma GCC diagnostic error "-Wimplicit-function-declaration"
#ifdef __clang__
#pragma GCC diagnostic error "-Wincompatible-pointer-types-discards-qualifiers"
#else
#pragma GCC diagnostic error "-Wdiscarded-qualifiers"
#endif

/* Text, ended by a zero byte. Never written through, hence const. */
typedef const char *tr_str;

typedef struct tr_bytes {
    const void *data;
    size_t size;
} tr_bytes;

/* ---- what describes a type; filled in by the macros below ------------------------------------------ */

typedef struct tr_type tr_type;

enum tr_kind {
    TR_VOID, TR_BOOL, TR_INT8, TR_INT16, TR_INT32, TR_INT64, TR_UINT8, TR_UINT16, TR_UINT32, TR_UINT64,
    TR_DOUBLE, TR_STR, TR_BYTES, TR_STRUCT, TR_LIST, TR_VALUE,
    TR_RAW /* a tr_bytes holding one value that is already encoded; the library's own */
};

typedef struct tr_field {
    const char *name;       /* NULL ends a table of fields */
    size_t offset;
    const tr_type *type;
    const void *fallback;   /* the default, of the field's type; NULL for zero */
} tr_field;

struct tr_type {
    const char *name;
    size_t size;            /* in C */
    enum tr_kind kind;
    const tr_field *fields; /* of a struct */
    const tr_type *item;    /* of a list */
};

/* ---- the types there are ------------------------------------------------------------------------- */

#define TR_BUILTIN_(T)                                                                             \
    typedef struct tr_list_##T {                                                                   \
        const T *items;                                                                            \
        size_t count;                                                                              \
    } tr_list_##T;                                                                                 \
    TR_API extern const tr_type tr_type_##T, tr_type_tr_list_##T

TR_BUILTIN_(int8_t);
TR_BUILTIN_(int16_t);
TR_BUILTIN_(int32_t);
TR_BUILTIN_(int64_t);
TR_BUILTIN_(uint8_t);
TR_BUILTIN_(uint16_t);
TR_BUILTIN_(uint32_t);
TR_BUILTIN_(uint64_t);
TR_BUILTIN_(double);
TR_BUILTIN_(tr_str);
TR_BUILTIN_(tr_bytes);
TR_BUILTIN_(_Bool); /* what `bool` is to the preprocessor */
typedef tr_list__Bool tr_list_bool;
#define tr_type_tr_list_bool tr_type_tr_list__Bool
#define tr_type_bool tr_type__Bool /* where it is a keyword */

TR_API extern const tr_type tr_type_void, tr_type_tr_raw;
typedef tr_bytes tr_raw;

/* Free-form data: any of the above without a declared type. */
typedef struct tr_value tr_value;
typedef struct tr_pair tr_pair;
struct tr_value {
    enum tr_value_kind {
        TR_NIL, TR_BOOLEAN, TR_INTEGER, TR_UNSIGNED, TR_REAL, TR_TEXT, TR_BINARY, TR_ARRAY, TR_MAP
    } kind;
    union {
        bool boolean;
        int64_t integer;    /* every integer that fits */
        uint64_t unsigned_; /* those above INT64_MAX */
        double real;
        tr_str text;
        tr_bytes binary;
        struct {
            const tr_value *items;
            size_t count;
        } array;
        struct {
            const tr_pair *pairs;
            size_t count;
        } map;
    };
};
struct tr_pair {
    tr_str key;
    tr_value value;
};
TR_BUILTIN_(tr_value);

/* The entry of a map by its key; NULL when the value is no map or has none. */
TR_API const tr_value *tr_value_get(const tr_value *map, const char *key);

/* ---- your own structs and lists -------------------------------------------------------------------- */

#define tr_struct(...) TR_STRUCT_(__VA_ARGS__, )
#define TR_STRUCT_(S, ...)                                                                         \
    typedef struct S {                                                                             \
        TR_EACH_(TR_MEMBER_, S, __VA_ARGS__)                                                       \
    } S;                                                                                           \
    TR_FIELDS_(S, S##_tr_fields_, __VA_ARGS__)                                                     \
    static const tr_type tr_type_##S TR_UNUSED_ = {#S, sizeof(struct S), TR_STRUCT,                \
                                                   S##_tr_fields_, NULL}

#define tr_list_of(T)                                                                              \
    typedef struct tr_list_##T {                                                                   \
        const T *items;                                                                            \
        size_t count;                                                                              \
    } tr_list_##T;                                                                                 \
    static const tr_type tr_type_tr_list_##T TR_UNUSED_ = {"list", sizeof(tr_list_##T), TR_LIST,   \
                                                           NULL, &tr_type_##T}

/* A list on the spot; lives as long as the enclosing block. */
#define tr_list(T, ...)                                                                            \
    ((tr_list_##T){(const T[]){__VA_ARGS__}, sizeof((const T[]){__VA_ARGS__}) / sizeof(T)})

/* ---- below: how the macros do it --------------------------------------------------------------------
 *
 * A list of members arrives as "(T, n), (T, n, default), <empty>"; TR_EACH_ applies M(S, T, n, ...) to
 * each, S being the struct they are for. */

#define TR_UNUSED_ __attribute__((unused))
#define TR_UNPACK_(...) __VA_ARGS__
#define TR_EACH1_(M, S, x)
#define TR_EACH2_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH1_(M, S, __VA_ARGS__)
#define TR_EACH3_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH2_(M, S, __VA_ARGS__)
#define TR_EACH4_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH3_(M, S, __VA_ARGS__)
#define TR_EACH5_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH4_(M, S, __VA_ARGS__)
#define TR_EACH6_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH5_(M, S, __VA_ARGS__)
#define TR_EACH7_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH6_(M, S, __VA_ARGS__)
#define TR_EACH8_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH7_(M, S, __VA_ARGS__)
#define TR_EACH9_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH8_(M, S, __VA_ARGS__)
#define TR_EACH10_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH9_(M, S, __VA_ARGS__)
#define TR_EACH11_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH10_(M, S, __VA_ARGS__)
#define TR_EACH12_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH11_(M, S, __VA_ARGS__)
#define TR_EACH13_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH12_(M, S, __VA_ARGS__)
#define TR_EACH14_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH13_(M, S, __VA_ARGS__)
#define TR_EACH15_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH14_(M, S, __VA_ARGS__)
#define TR_EACH16_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH15_(M, S, __VA_ARGS__)
#define TR_EACH17_(M, S, x, ...) M(S, TR_UNPACK_ x, ) TR_EACH16_(M, S, __VA_ARGS__)
#define TR_EACH_PICK_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, N, \
                      ...)                                                                         \
    N
#define TR_EACH_(M, S, ...)                                                                        \
    TR_EACH_PICK_(__VA_ARGS__, TR_EACH17_, TR_EACH16_, TR_EACH15_, TR_EACH14_,                     \
                  TR_EACH13_, TR_EACH12_, TR_EACH11_, TR_EACH10_, TR_EACH9_,                       \
                  TR_EACH8_, TR_EACH7_, TR_EACH6_, TR_EACH5_, TR_EACH4_,                           \
                  TR_EACH3_, TR_EACH2_, TR_EACH1_, )(M, S, __VA_ARGS__)

/* A member declared bool is stored as an unsigned, 0 for false, since C converts any pointer to a true bool
 * without a word, and .urgent = "no" must not compile. As wide as an int, since .urgent = flags & 0x100
 * must be true. */
typedef unsigned tr_flag;
TR_API extern const tr_type tr_type_tr_flag;
#define TR_STORE__Bool , tr_flag
#define TR_STORE_bool , tr_flag
#define TR_DESCRIBE__Bool , tr_type_tr_flag
#define TR_DESCRIBE_bool , tr_type_tr_flag
#define TR_SECOND_(a, b, ...) b
#define TR_SECOND_OF_(...) TR_SECOND_(__VA_ARGS__)
#define TR_STORED_(T) TR_SECOND_OF_(TR_STORE_##T, T, )
#define TR_DESCRIBED_(T) TR_SECOND_OF_(TR_DESCRIBE_##T, tr_type_##T, )
#define TR_MEMBER_(...) TR_MEMBER2_(__VA_ARGS__)
#define TR_MEMBER2_(S, T, N, ...) TR_STORED_(T) N;

#define TR_FIELDS_(S, TABLE, ...)                                                                  \
    static const tr_field TABLE[] TR_UNUSED_ = {                                                   \
        TR_EACH_(TR_FIELD_, S, __VA_ARGS__){NULL, 0, NULL, NULL}};
#define TR_FIELD_(...) TR_FIELD2_(__VA_ARGS__)
#define TR_FIELD2_(S, T, N, ...)                                                                   \
    {#N, offsetof(struct S, N), &TR_DESCRIBED_(T), TR_DEFAULT_(T, __VA_ARGS__)},
#define TR_DEFAULT_(T, ...) TR_THIRD_(__VA_ARGS__, TR_GIVEN_, TR_NOT_GIVEN_, )(T, __VA_ARGS__)
#define TR_THIRD_(a, b, c, ...) c
#define TR_GIVEN_(T, D, ...) (const TR_STORED_(T)[1]) { D }
#define TR_NOT_GIVEN_(T, ...) NULL

#endif
