/* Remote functions: declared once, called from any actor as if they were local, checked by the compiler.
 *
 *     tr_fn(tr_str, say_hello, (tr_str, other_actor))        // result type, name, members
 *     {
 *         return tr_return_fmt("hello %s", args->other_actor);
 *     }
 *
 * The body sees `args`, a pointer to a struct of the named arguments, `ret`, where the result goes, and
 * `ctx`, the call itself. It returns 0, or a negative code after which the caller gets the error. The
 * arguments live as long as the call; what `*ret` points to is copied before the body's frame ends, so
 * it may live in tr_alloc memory or in the arguments, but not in the body's own variables.
 * A function without a result is declared void and ignores `ret`.
 *
 * For a contract shared by several programs: tr_fn_decl(...) with the same arguments in a header, and
 * tr_fn_def(name) { ... } in the one file that implements it.
 *
 * A function belongs to a module: the stem of the file that it is declared in ("venue" for venue.h), or
 * TR_MODULE if that is defined, as a string, before tractor.h is included. An actor serves only the
 * modules and functions that it was started with. Two functions of one name in one module end the
 * program when tr_main begins, with both places.
 *
 * Calls look like this, in actor.h: tr_call(portal, &line, say_hello, .other_actor = "donny"). */
#ifndef TRACTOR_FUNCTION_H
#define TRACTOR_FUNCTION_H

#include "tractor/value.h"

typedef struct tr_ctx tr_ctx;
typedef struct tr_portal tr_portal;

#ifdef TR_MODULE
#define TR_MODULE_ TR_MODULE
#else
#define TR_MODULE_ NULL
#endif

/* The name of the module that this source file's functions are in; lives as long as the enclosing block.
 * For .modules = tr_names(tr_this_module()). */
#define tr_this_module() tr_module_of_(TR_MODULE_, __FILE__, (char[256]){0}, 256)
TR_API const char *tr_module_of_(const char *module, const char *file, char *room, size_t size);

/* How a function is called: for one result; for many values; for values both ways and a result (stream.h). */
enum tr_way { TR_WAY_CALL, TR_WAY_STREAM, TR_WAY_CONTEXT };

/* What the macros say about a function. */
typedef struct tr_fn_info {
    const char *module;      /* TR_MODULE, or NULL for the stem of `file` */
    const char *file;
    const char *at;          /* with its line */
    const char *name;
    const tr_field *args;
    size_t args_size;
    const tr_type *out;      /* of the result */
    enum tr_way way;
    const tr_type *first;    /* of what a context starts with, of what its caller sends, */
    const tr_type *heard;
    const tr_type *item;     /* and of what it, or a stream, yields; void for all others */
    uint64_t *signature_;    /* the library keeps its hash there; NULL for what is described while the program runs */
} tr_fn_info;

/* A function that this program implements; in a list that constructors fill before main. */
typedef struct tr_fn_entry {
    const tr_fn_info *info;
    int (*body)(tr_ctx *ctx, const void *args, void *ret);
    struct tr_fn_entry *next;
} tr_fn_entry;
TR_API void tr_register_(tr_fn_entry *entry);

/* A positional argument would have to be one of these, and there are none. */
struct tr_arguments_are_named;

#define tr_fn(OUT, ...) TR_FN_(OUT, __VA_ARGS__, )
#define TR_FN_(OUT, NAME, ...) TR_FN_DECL_(static, OUT, NAME, __VA_ARGS__); TR_FN_DEF_(static, NAME)
#define tr_fn_decl(OUT, ...) TR_FN_DECL_P_(, OUT, __VA_ARGS__, )
#define TR_FN_DECL_P_(...) TR_FN_DECL_(__VA_ARGS__)
#define tr_fn_def(NAME) TR_FN_DEF_(, NAME)

/* Sets *ret to formatted text and returns 0, or a negative code when memory is out. For functions that
 * return tr_str, in their body. */
#define tr_return_fmt(...) tr_return_fmt_(ctx, ret, __VA_ARGS__)
TR_API int tr_return_fmt_(tr_ctx *ctx, tr_str *ret, const char *format, ...) TR_PRINTF(3, 4);

/* ---- below: how the macros do it --------------------------------------------------------------------
 *
 * For a function f: struct f_args, a table of its members, f_tr_info_, and small static functions that
 * give the typed call its types. None of them costs anything when not used. */

#define TR_CHECKED_ TR_UNUSED_ TR_USE_RESULT

#define TR_COMMON_(WAY, OUT, FIRST, HEARD, ITEM, NAME, ...)                                        \
    struct NAME##_args {                                                                           \
        struct tr_arguments_are_named *named_;                                                     \
        TR_EACH_(TR_MEMBER_, NAME##_args, __VA_ARGS__)                                             \
    };                                                                                             \
    TR_FIELDS_(NAME##_args, NAME##_tr_args_, __VA_ARGS__)                                          \
    static uint64_t NAME##_tr_signature_ TR_UNUSED_;                                               \
    static const tr_fn_info NAME##_tr_info_ TR_UNUSED_ = {                                         \
        TR_MODULE_,     __FILE__,  TR_HERE_, #NAME, NAME##_tr_args_, sizeof(struct NAME##_args),   \
        &tr_type_##OUT, (WAY),     &tr_type_##FIRST, &tr_type_##HEARD, &tr_type_##ITEM,            \
        &NAME##_tr_signature_};                                                                    \
    typedef OUT NAME##_tr_out_;                                                                    \
    typedef FIRST NAME##_tr_first_;                                                                \
    typedef HEARD NAME##_tr_heard_;                                                                \
    typedef ITEM NAME##_tr_item_;

#define TR_RUNNABLE_(NAME)                                                                         \
    TR_CHECKED_ static inline int NAME##_tr_run_(struct tr_nursery *nursery_, tr_portal **portal_, \
                                                const struct tr_actor_options *options_,           \
                                                const struct NAME##_args *args_)                   \
    {                                                                                              \
        return tr_run_in_actor_(nursery_, portal_, options_, &NAME##_tr_info_, args_);             \
    }

#define TR_FN_DECL_(LINKAGE, OUT, NAME, ...)                                                       \
    TR_COMMON_(TR_WAY_CALL, OUT, void, void, void, NAME, __VA_ARGS__)                              \
    TR_RUNNABLE_(NAME)                                                                             \
    TR_CHECKED_ static inline int NAME##_tr_call_(tr_portal *portal_, NAME##_tr_out_ *out_,        \
                                                 const struct NAME##_args *args_)                  \
    {                                                                                              \
        return tr_call_(portal_, &NAME##_tr_info_, args_, out_);                                   \
    }                                                                                              \
    TR_CHECKED_ static inline int NAME##_tr_result_(tr_portal *portal_, NAME##_tr_out_ *out_)      \
    {                                                                                              \
        return tr_result_(portal_, &NAME##_tr_info_, out_);                                        \
    }                                                                                              \
    LINKAGE int NAME##_tr_body_(tr_ctx *, const struct NAME##_args *, NAME##_tr_out_ *)

#define TR_FN_DEF_(LINKAGE, NAME)                                                                  \
    TR_REGISTER_(NAME)                                                                             \
    LINKAGE int NAME##_tr_body_(TR_UNUSED_ tr_ctx *ctx, TR_UNUSED_ const struct NAME##_args *args, \
                                TR_UNUSED_ NAME##_tr_out_ *ret)

#define TR_REGISTER_(NAME) TR_REGISTER_AS_(NAME, NAME##_tr_body_(ctx_, args_, ret_))
#define TR_REGISTER_AS_(NAME, BODY)                                                                \
    static int NAME##_tr_enter_(tr_ctx *ctx_, const void *args_, TR_UNUSED_ void *ret_)            \
    {                                                                                              \
        return BODY;                                                                               \
    }                                                                                              \
    __attribute__((constructor)) static void NAME##_tr_add_(void)                                  \
    {                                                                                              \
        static tr_fn_entry entry_ = {&NAME##_tr_info_, NAME##_tr_enter_, NULL};                    \
        tr_register_(&entry_);                                                                     \
    }

/* The last member initialised is the one that no positional argument can reach. */
#define TR_ARGS_(NAME, ...) (&(const struct NAME##_args){__VA_ARGS__ .named_ = NULL})

/* Behind tr_call, tr_result and tr_run_in_actor; see actor.h. */
struct tr_nursery;
struct tr_actor_options;
TR_API int tr_call_(tr_portal *portal, const tr_fn_info *fn, const void *args, void *ret)
    TR_USE_RESULT;
TR_API int tr_result_(tr_portal *portal, const tr_fn_info *fn, void *ret) TR_USE_RESULT;
TR_API int tr_run_in_actor_(struct tr_nursery *nursery, tr_portal **ret_portal,
                            const struct tr_actor_options *options, const tr_fn_info *fn,
                            const void *args) TR_USE_RESULT;

#endif
