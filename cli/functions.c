/* tractor functions: what can be called in an actor. */
#include "cli.h"

#include <string.h>

static void print_all(const tr_function_list *all)
{
    const char *module = "";
    for (size_t i = 0; i < all->count; i++) {
        const tr_fn_info *fn = &all->items[i];
        if (strcmp(module, fn->module) != 0)
            printf("%s:\n", fn->module);
        module = fn->module;
        printf("  %s\n", tr_signature(fn));
    }
}

static int functions(const struct options *options)
{
    tr_auto(portal) portal = NULL;
    struct actor actor;
    tr_function_list all;
    const char *which = options->count > 1 ? options->words[1] : NULL;
    int rc = company_find(options, options->words[0], &actor, &portal);
    if (rc != STATUS_FINE)
        return rc;
    tr_try(tr_inspect_functions(portal, which, &all));
    if (all.count == 0)
        return complain(STATUS_NOBODY, which ? "%s serves nothing of %s" : "%s serves no functions", actor.name, which);
    print_all(&all);
    return STATUS_FINE;
}

const struct command functions_command = {
    .name = "functions",
    .synopsis = "NAME [MODULE] [--timeout SECONDS] [--arbiter ADDRESS]",
    .summary = "Shows the functions that an actor serves",
    .help = "Module by module, as `tractor call` has them: result, name, and arguments with their types and defaults.\n"
            "A stream gives many values. A context talks with its caller, which takes a program.\n\n"
            "  tractor functions donny\n"
            "  tractor functions donny first_scene\n",
    .least = 1,
    .most = 2,
    .timeout = 5,
    .run = functions,
};
