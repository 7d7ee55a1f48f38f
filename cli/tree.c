/* tractor tree: who has started whom, once or for as long as somebody watches.
 *
 * Watched, it is drawn anew when a root's registry says that somebody has joined or left, and each second, for the
 * figures and for trees that are new. On a terminal each picture replaces the last; elsewhere only those are printed in
 * which somebody has come or gone. Who has left stays in sight below the tree for a while. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double REDRAW_S = 1, CALM_S = 0.05;
enum { NOTES = 5, NOTE_ROOM = 400, DEEPEST = 64 };

/* Watching: what was, who is told of, and how it is noticed that something has changed. */
struct show {
    const struct options *options;
    struct company company;
    char notes[NOTES][NOTE_ROOM];   /* the newest last */
    struct watch watch;
    tr_scope *nap;                  /* while it waits */
    bool changed;                   /* something has, since it was drawn */
    bool terminal;
};

/* ---- one picture --------------------------------------------------------------------------------------- */

static const struct actor *parent_of(const struct company *company, const struct actor *actor)
{
    for (size_t i = 0; actor->parent[0] && i < company->count; i++)
        if (strcmp(company->actors[i].uuid, actor->parent) == 0)
            return &company->actors[i];
    return NULL;
}

/* Once for a picture, which asks for them again and again. */
static void find_parents(struct company *company)
{
    for (size_t i = 0; i < company->count; i++)
        company->actors[i].above = parent_of(company, &company->actors[i]);
}

static void draw_actor(const struct actor *actor, FILE *to)
{
    char uptime[FIGURE_ROOM], memory[FIGURE_ROOM], cpu[FIGURE_ROOM];
    fprintf(to, "%s  %.*s  pid %d", actor->name, SHORT_UUID, actor->uuid, actor->pid);
    if (actor->answered)
        fprintf(to, "  up %s  memory %s  cpu %s\n", duration_text(actor->uptime, uptime),
                size_text(actor->memory, memory), duration_text(actor->cpu, cpu));
    else
        fprintf(to, "  %s\n", silence_text(actor));
}

static bool is_last_child(const struct company *company, size_t index)
{
    const struct actor *parent = company->actors[index].above;
    for (size_t i = index + 1; i < company->count; i++)
        if (company->actors[i].above == parent)
            return false;
    return true;
}

/* `stem`: what stands before its children's branches. */
static void draw_below(const struct company *company, const struct actor *parent, const char *stem, int depth,
                       FILE *to)
{
    char longer[4 * DEEPEST + 4];
    for (size_t i = 0; i < company->count; i++) {
        const struct actor *actor = &company->actors[i];
        if (actor->above != parent || depth >= DEEPEST)
            continue;
        const bool last = is_last_child(company, i);
        if (parent)
            fprintf(to, "%s%s", stem, last ? "`- " : "|- ");
        draw_actor(actor, to);
        snprintf(longer, sizeof longer, "%s%s", stem, !parent ? "" : last ? "   " : "|  ");
        draw_below(company, actor, longer, depth + 1, to);
    }
}

static void draw(struct company *company, FILE *to)
{
    find_parents(company);
    draw_below(company, NULL, "", 0, to);
}

static int look(const struct options *options, struct company *ret_company)
{
    int rc = company_list(options, ret_company);
    return rc == STATUS_FINE ? company_ask(ret_company) : rc;
}

static int tree_once(const struct options *options)
{
    struct company company = {NULL, 0, 0};
    int rc = look(options, &company);
    if (rc == STATUS_FINE)
        draw(&company, stdout);
    company_free(&company);
    return rc;
}

/* ---- being told of changes ------------------------------------------------------------------------------ */

/* Whatever it is, the next look shows what is there. */
static void told(const tr_actor_event *event, void *arg)
{
    struct show *show = arg;
    (void)event;
    show->changed = true;
    if (show->nap)
        tr_scope_cancel(show->nap);
}

/* ---- what has changed ----------------------------------------------------------------------------------- */

static bool has(const struct company *company, const struct actor *actor)
{
    for (size_t i = 0; i < company->count; i++)
        if (strcmp(company->actors[i].uuid, actor->uuid) == 0)
            return true;
    return false;
}

static void note(struct show *show, const struct actor *actor, const char *what)
{
    memmove(show->notes[0], show->notes[1], sizeof show->notes - sizeof *show->notes);
    snprintf(show->notes[NOTES - 1], NOTE_ROOM, "%s, pid %d, %s", actor->name, actor->pid, what);
}

/* Whether anybody has come or gone. */
static bool compare(struct show *show, const struct company *now)
{
    bool differs = false;
    for (size_t i = 0; i < show->company.count; i++)
        if (!has(now, &show->company.actors[i])) {
            note(show, &show->company.actors[i], "has left");
            differs = true;
        }
    for (size_t i = 0; i < now->count; i++)
        if (!has(&show->company, &now->actors[i]))
            differs = true;
    return differs;
}

static void draw_frame(struct show *show, FILE *to)
{
    if (show->company.count == 0)
        fputs("nothing is running\n", to);
    draw(&show->company, to);
    fputc('\n', to);
    for (int i = 0; i < NOTES; i++)
        if (show->notes[i][0])
            fprintf(to, "%s\n", show->notes[i]);
}

/* ---- on a terminal -------------------------------------------------------------------------------------- */

/* What of a line fits so many columns: bytes of whole characters. */
static int bytes_that_fit(const char *line, size_t size, int columns)
{
    size_t at = 0;
    for (int column = 0; at < size; at++) {
        const bool begins = ((unsigned char)line[at] & 0xc0) != 0x80;
        if (begins && column++ == columns)
            break;
    }
    return (int)at;
}

/* In place of the one before. A line that the terminal broke, or one too many, would push it upwards. */
static void print_over(const char *frame)
{
    struct winsize window;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_row == 0 || window.ws_col == 0)
        window = (struct winsize){.ws_row = 24, .ws_col = 80};
    fputs("\x1b[H", stdout);
    for (int row = 1; *frame && row < window.ws_row; row++) {
        const size_t size = strcspn(frame, "\n");
        printf("%.*s\x1b[K\n", bytes_that_fit(frame, size, window.ws_col), frame);
        frame += size + (frame[size] == '\n');
    }
    fputs(*frame ? "...\x1b[K" : "\x1b[J", stdout);
}

static void show_frame(struct show *show)
{
    char *frame = NULL;
    size_t size;
    FILE *to = show->terminal ? open_memstream(&frame, &size) : NULL;
    draw_frame(show, to ? to : stdout);
    if (to)
        fclose(to);
    if (frame)
        print_over(frame);
    free(frame);
    fflush(stdout);
}

/* ---- watching ------------------------------------------------------------------------------------------- */

/* Watching goes on where there is no arbiter, or none any more. */
static int see(struct show *show, struct company *now)
{
    int rc = watch_roots(&show->watch, show->options, company_add, now);
    return rc < 0 && rc != TR_ENOARBITER ? rc : company_ask(now);
}

static int look_again(struct show *show, bool *ret_differs)
{
    struct company now = {NULL, 0, 0};
    int rc = see(show, &now);
    if (rc < 0) {
        company_free(&now);
        return rc;
    }
    *ret_differs = compare(show, &now);
    company_free(&show->company);
    show->company = now;
    return 0;
}

static int nap(struct show *show)
{
    tr_try(tr_sleep(CALM_S)); /* several changes are one picture */
    tr_scope nap = tr_cancel_scope();
    show->nap = &nap;
    int rc = show->changed ? 0 : tr_within(&nap, tr_sleep(REDRAW_S));
    show->nap = NULL;
    return rc;
}

static int watch_all(struct show *show)
{
    for (bool first = true;; first = false) {
        tr_auto(frame) frame = tr_open_frame();
        bool differs;
        show->changed = false;
        tr_try(look_again(show, &differs));
        if (show->terminal || differs || first)
            show_frame(show);
        tr_try(nap(show));
    }
}

static int tree_watched(const struct options *options)
{
    tr_auto(nursery) watchers = tr_open_nursery();
    struct show show = {.options = options,
                        .watch = {.nursery = watchers, .told = told, .arg = &show},
                        .terminal = isatty(STDOUT_FILENO)};
    if (show.terminal)
        fputs("\x1b[2J", stdout);
    int rc = watch_all(&show);
    company_free(&show.company);
    return tr_join_with(watchers, rc);
}

static int tree(const struct options *options)
{
    return options->watch ? tree_watched(options) : tree_once(options);
}

const struct command tree_command = {
    .name = "tree",
    .synopsis = "[--watch] [--arbiter ADDRESS]",
    .summary = "Shows who has started whom",
    .help = "Trees of actors, each below the one that started it. With --watch it is drawn anew as actors come and\n"
            "go, and each second, until Ctrl-C; below are those who have left last. If that does not go to a\n"
            "terminal, only pictures are printed in which somebody has come or gone.\n\n"
            "  tractor tree\n"
            "  tractor tree --watch\n",
    .run = tree,
};
