/* tractor call: a function of a live actor, with arguments as they are written.
 *
 * Which function it is, and of what types its arguments are, says the actor. An argument that is a text is taken as
 * it is written, unless that is a JSON string; all others are JSON. What does not fit is said here, and nothing is
 * called. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const tr_fn_info *fn, const char *format, ...) TR_PRINTF(2, 3);

static int refuse(const tr_fn_info *fn, const char *format, ...)
{
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return complain(STATUS_USAGE, "%s\n  the function is %s", why, tr_signature(fn));
}

/* ---- arguments ------------------------------------------------------------------------------------------ */

static const tr_field *field_of(const tr_fn_info *fn, const char *name, size_t size)
{
    for (const tr_field *field = fn->args; field->name; field++)
        if (strlen(field->name) == size && strncmp(field->name, name, size) == 0)
            return field;
    return NULL;
}

static bool is_text(const tr_type *type)
{
    return type->kind == TR_STR || type->kind == TR_BYTES;
}

static int read_value(const tr_fn_info *fn, const tr_field *field, const char *text, tr_value *ret)
{
    const tr_value as_it_is = {.kind = TR_TEXT, .text = text};
    const char *why = is_text(field->type) && text[0] != '"' ? "" : value_of_json(text, ret);
    if (!why)
        return 0;
    if (!is_text(field->type) && field->type->kind != TR_VALUE)
        return refuse(fn, "%s=%s: not JSON, as a %s is to be written: %s", field->name, text, field->type->name, why);
    *ret = as_it_is;
    return 0;
}

static int read_argument(const tr_fn_info *fn, const char *word, tr_pair *ret)
{
    const char *equals = strchr(word, '=');
    if (!equals)
        return refuse(fn, "\"%s\" is no argument: they have names, name=value", word);
    const tr_field *field = field_of(fn, word, (size_t)(equals - word));
    if (!field)
        return refuse(fn, "it has no argument \"%.*s\"", (int)(equals - word), word);
    ret->key = field->name;
    return read_value(fn, field, equals + 1, &ret->value);
}

static bool is_twice(const tr_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].key, pairs[count].key) == 0)
            return true;
    return false;
}

static int read_arguments(const tr_fn_info *fn, char *const *words, size_t count, tr_value *ret)
{
    tr_pair *pairs = tr_alloc((count + 1) * sizeof *pairs);
    if (!pairs)
        return tr_raise("errno.ENOMEM", "no memory for %zu arguments", count);
    for (size_t i = 0; i < count; i++) {
        int status = read_argument(fn, words[i], &pairs[i]);
        if (status != 0)
            return status;
        if (is_twice(pairs, i))
            return refuse(fn, "\"%s\" is given twice", pairs[i].key);
    }
    *ret = (tr_value){.kind = TR_MAP, .map = {pairs, count}};
    return 0;
}

/* ---- calling -------------------------------------------------------------------------------------------- */

static int call_for_one(tr_portal *portal, const tr_fn_info *fn, const tr_value *args, bool json)
{
    tr_value result;
    tr_try(tr_call_value(portal, fn, args, &result));
    if (json || fn->out->kind != TR_VOID)
        value_print(&result, json);
    return STATUS_FINE;
}

static int call_for_many(tr_portal *portal, const tr_fn_info *fn, const tr_value *args, bool json)
{
    tr_auto(stream) values = NULL;
    tr_try(tr_open_stream_value(portal, &values, fn, args));
    for (;;) {
        tr_auto(frame) frame = tr_open_frame();
        tr_value value;
        int rc = tr_next_value(values, fn, &value);
        if (rc <= 0)
            return rc;
        value_print(&value, json);
        if (ferror(stdout))
            return tr_raise("errno.EPIPE", "nobody reads it any more");
    }
}

static int call_it(tr_portal *portal, const tr_fn_info *fn, const struct options *options)
{
    tr_value args;
    if (fn->way == TR_WAY_CONTEXT)
        return refuse(fn, "a context talks with its caller, which takes a program");
    int rc = read_arguments(fn, options->words + 2, (size_t)options->count - 2, &args);
    if (rc != 0)
        return rc;
    return (fn->way == TR_WAY_STREAM ? call_for_many : call_for_one)(portal, fn, &args, options->json);
}

static int call(const struct options *options)
{
    tr_auto(portal) portal = NULL;
    struct actor actor;
    tr_function_list all;
    const char *which = options->words[1];
    if (!strchr(which, '.'))
        return complain(STATUS_USAGE, "\"%s\" is no function: it is module.function", which);
    int rc = company_find(options, options->words[0], &actor, &portal);
    if (rc != STATUS_FINE)
        return rc;
    tr_try(tr_inspect_functions(portal, which, &all));
    if (all.count == 0)
        return complain(STATUS_NOBODY, "%s does not serve %s; `tractor functions %s` shows what it does", actor.name,
                        which, options->words[0]);
    return call_it(portal, &all.items[0], options);
}

const struct command call_command = {
    .name = "call",
    .synopsis = "NAME MODULE.FUNCTION [ARGUMENT=VALUE ...] [--json] [--timeout SECONDS] [--arbiter ADDRESS]",
    .summary = "Calls a function of a live actor",
    .help = "Arguments have names and types, which `tractor functions NAME` shows; those not given have their defaults. A\n"
            "text is written as it is, everything else as JSON: 7, true, 1.5, a list [1, 2], a struct {\"qty\": 7}. The\n"
            "result is printed in the same way, or, with --json, always as JSON; a stream is a line for each value.\n\n"
            "  tractor call donny first_scene.hi\n"
            "  tractor call streamer_1 streaming_service.stream_data seed=3\n"
            "  tractor call market venue.place_order 'legs=[{\"venue\": \"XETRA\", \"qty\": 10}]' dry_run=true --json\n",
    .least = 2,
    .most = -1,
    .run = call,
};
