/* tractor ps: a table of all actors. */
#include "cli.h"

#include <string.h>

static void print_actor(const struct actor *actor, int name_width, int parent_width)
{
    char uptime[FIGURE_ROOM], memory[FIGURE_ROOM], cpu[FIGURE_ROOM];
    printf("%-*s  %.*s  %7d", name_width, actor->name, SHORT_UUID, actor->uuid, actor->pid);
    if (!actor->answered) {
        printf("  %s\n", silence_text(actor));
        return;
    }
    printf("  %8s  %8s  %8s  %-*s  %s\n", duration_text(actor->uptime, uptime), size_text(actor->memory, memory),
           duration_text(actor->cpu, cpu), parent_width, actor->parent_name[0] ? actor->parent_name : "-", actor->host);
}

static int widest(const struct company *company, bool of_parents)
{
    size_t widest = strlen("PARENT");
    for (size_t i = 0; i < company->count; i++) {
        const struct actor *actor = &company->actors[i];
        size_t width = strlen(of_parents ? actor->parent_name : actor->name);
        if (width > widest)
            widest = width;
    }
    return (int)widest;
}

static void print_company(const struct company *company)
{
    const int names = widest(company, false), parents = widest(company, true);
    printf("%-*s  %-8s  %7s  %8s  %8s  %8s  %-*s  %s\n", names, "NAME", "UUID", "PID", "UPTIME", "MEMORY", "CPU",
           parents, "PARENT", "HOST");
    for (size_t i = 0; i < company->count; i++)
        print_actor(&company->actors[i], names, parents);
}

static int ps(const struct options *options)
{
    struct company company = {NULL, 0, 0};
    int rc = company_list(options, &company);
    if (rc == STATUS_FINE)
        rc = company_ask(&company);
    if (rc == STATUS_FINE)
        print_company(&company);
    company_free(&company);
    return rc;
}

const struct command ps_command = {
    .name = "ps",
    .synopsis = "[--arbiter ADDRESS]",
    .summary = "Shows all actors",
    .help = "A line for each: name, uuid, process, how long it has run, its memory (with its share of what\n"
            "processes share), processor time, who started it, and on which host. One that is busy with a long\n"
            "computation, or stopped, does not answer.\n\n"
            "  tractor ps                           # all actors of yours on this host\n"
            "  tractor ps --arbiter unix:@stage     # those that are registered there\n",
    .run = ps,
};
