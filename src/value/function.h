/* The table of the functions this program implements, and what a function's signature is.
 *
 * Constructors fill it before main, so the order is the linker's; it is checked and frozen when the
 * first runtime starts; only the hash of a signature is noted when it is first asked for. It is the one piece of
 * process-wide state outside src/sys. */
#ifndef VALUE_FUNCTION_H
#define VALUE_FUNCTION_H

#include "base/buf.h"
#include "tractor/function.h"

/* Ends the process if two functions share module and name, naming both places. */
void functions_freeze(void);

/* The module of a function: TR_MODULE or the file's stem. Lives as long as the program, or, for a stem,
 * in `room` of MODULE_ROOM bytes. */
enum { MODULE_ROOM = 256 };
const char *function_module(const tr_fn_info *fn, char room[MODULE_ROOM]);

/* NULL when there is none. */
const tr_fn_entry *function_find(const char *module, const char *name);

/* All of them, one after the other, beginning with NULL; NULL after the last. */
const tr_fn_entry *function_next(const tr_fn_entry *entry);

/* Whether the program has any function in the module. */
bool module_exists(const char *module);

/* "m, n, o": the names of the module's functions / of `modules` entries, for messages. Appends; cut short
 * rather than failing when memory is out. Not zero-terminated. */
void function_list(struct buf *out, const char *module);

/* Whether one of the entries, each "module" or "module.function", exposes the function. */
bool function_exposed(const tr_list_tr_str *entries, const char *module, const char *name);

/* "int64_t place_order(legs: list<leg{venue: tr_str, price: double}>, dry_run: bool)": everything that
 * caller and callee must agree on, and nothing else (not the file, nor defaults). A stream starts with
 * "stream ", a context with "context (first, heard, item) ". Appends without a final 0. 0 or -ENOMEM. */
int function_signature(struct buf *out, const tr_fn_info *fn);

/* The same for people, who want to know of defaults: "(qty: int64_t = 1)". */
int function_text(struct buf *out, const tr_fn_info *fn);

/* "leg{venue: tr_str, price: double}": the same of a type alone. */
int type_signature(struct buf *out, const tr_type *type);

/* A 64-bit hash (FNV-1a) of the module and that text, never 0: who has the same may call the function by it, and knows
 * the types down to CODEC_AGREED. Computed without memory, so it cannot fail; that takes as long as a
 * short call, so a function that is declared keeps it: by its address it could not be kept here, where the description
 * of another may lie next. */
uint64_t function_hash(const tr_fn_info *fn);

#endif
