/* tractor: looks at trees of actors that run, and talks to them.
 *
 * Options are read here, for all commands alike; each command is a file. What it does runs in a task of a visitor,
 * which listens nowhere and is registered nowhere, so it is not in its own lists. Whatever goes wrong becomes a
 * sentence on standard error and one of the statuses of cli.h. Help is the reference: docs/cli.md is made of it. */
#define _GNU_SOURCE /* vasprintf */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {&ps_command,        &tree_command,   &tasks_command, &call_command,
                                                 &functions_command, &cancel_command, &log_command,   &wait_command};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* ---- words --------------------------------------------------------------------------------------------- */

int complain(enum status status, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    fflush(stdout);
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    fputs("tractor: ", stderr);
    print_text(stderr, size < 0 ? format : text);
    fputc('\n', stderr);
    if (size >= 0)
        free(text);
    return status;
}

static void print_statuses(void)
{
    puts("\nExit status:");
#define LINE_(NAME, NUMBER, TEXT) printf("  %d  %s\n", NUMBER, TEXT);
    STATUSES(LINE_)
#undef LINE_
}

static void print_help(void)
{
    puts("tractor: looks at trees of actors that run, and talks to them.\n\nUsage: tractor COMMAND ...\n\nCommands:");
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n"
          "`tractor COMMAND --help` says more, with examples. NAME is an actor's name, name@pid if several are called\n"
          "so, or the first digits of its uuid, four at least.\n\n"
          "All commands take:\n"
          "  --arbiter ADDRESS  only the actors registered there: unix:@name, unix:/path, tcp://127.0.0.1:1616;\n"
          "                     without it $TRACTOR_ARBITER, or all trees of yours on this host\n"
          "  --timeout SECONDS  for all that the command does\n"
          "  --verbose          of an error all that is known: also its way here, and backtraces\n"
          "  --help             this, or the command's\n\n"
          "`tractor --version` says which version it is: it speaks with actors of the same.\n\n"
          "Try it: start `streaming_service 10000000 &` of the examples, then\n"
          "  tractor tree --watch\n",
          stdout);
    print_statuses();
}

static void print_command_help(const struct command *command)
{
    printf("Usage: tractor %s %s\n\n%s.\n\n%s", command->name, command->synopsis, command->summary, command->help);
}

/* ---- options ------------------------------------------------------------------------------------------- */

enum { OPTION_ARBITER = 256, OPTION_TIMEOUT, OPTION_LEVEL, OPTION_JSON, OPTION_WATCH, OPTION_VERBOSE };

static const struct option table[] = {
    {"arbiter", required_argument, NULL, OPTION_ARBITER}, {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"level", required_argument, NULL, OPTION_LEVEL},     {"json", no_argument, NULL, OPTION_JSON},
    {"watch", no_argument, NULL, OPTION_WATCH},           {"follow", no_argument, NULL, 'f'},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},       {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* An option that only some commands have must be in their synopsis. */
static bool has_option(const struct command *command, const char *name)
{
    return strstr(command->synopsis, name) != NULL;
}

static int read_timeout(const char *text, double *ret_seconds)
{
    char *end;
    double seconds = strtod(text, &end);
    if (!*text || *end || !isfinite(seconds) || seconds <= 0)
        return complain(STATUS_USAGE, "--timeout takes seconds, more than 0, not \"%s\"", text);
    *ret_seconds = seconds;
    return 0;
}

static int refuse_option(const struct command *command, const char *word)
{
    return complain(STATUS_USAGE, "\"%s\" is no option of it; `tractor %s --help` says what it takes", word,
                    command->name);
}

/* `word`: as it was written. -1 to go on, or a status. */
static int take_option(struct options *options, int option, const char *word)
{
    const struct command *command = options->command;
    switch (option) {
    case 'h':
        print_command_help(command);
        return STATUS_FINE;
    case OPTION_ARBITER:
        options->arbiter = optarg;
        return -1;
    case OPTION_TIMEOUT:
        return read_timeout(optarg, &options->timeout) ? STATUS_USAGE : -1;
    case OPTION_VERBOSE:
        options->verbose = true;
        return -1;
    case OPTION_LEVEL:
        options->level = optarg;
        return has_option(command, "--level") ? -1 : refuse_option(command, "--level");
    case OPTION_JSON:
        options->json = true;
        return has_option(command, "--json") ? -1 : refuse_option(command, "--json");
    case OPTION_WATCH:
        options->watch = true;
        return has_option(command, "--watch") ? -1 : refuse_option(command, "--watch");
    case 'f':
        return has_option(command, "--follow") ? -1 : refuse_option(command, "--follow");
    case ':':
        return complain(STATUS_USAGE, "something is missing behind \"%s\"", word);
    default:
        return refuse_option(command, word);
    }
}

/* Of the words that a command takes one is missing, or there is one too many. */
static int refuse_words(const struct options *options)
{
    const struct command *command = options->command;
    const char *missing = command->synopsis;
    for (int i = 0; i < options->count && i < command->least; i++)
        missing += strcspn(missing, " ") + 1;
    if (options->count < command->least)
        return complain(STATUS_USAGE, "%.*s is missing\nUsage: tractor %s %s", (int)strcspn(missing, " "), missing,
                        command->name, command->synopsis);
    return complain(STATUS_USAGE, "\"%s\" is too much\nUsage: tractor %s %s", options->words[command->most],
                    command->name, command->synopsis);
}

/* What getopt has just refused: a letter, which may be one of several in a word that it is not through with, or a word. */
static const char *refused_word(char **argv, char ret_letter[3])
{
    if (optopt <= 0 || optopt >= OPTION_ARBITER || optopt == 'h' || optopt == 'f')
        return argv[optind - 1];
    ret_letter[0] = '-';
    ret_letter[1] = (char)optopt;
    ret_letter[2] = '\0';
    return ret_letter;
}

static int read_options(int argc, char **argv, struct options *options)
{
    int option, status;
    char letter[3];
    opterr = 0; /* what is wrong is said here */
    while ((option = getopt_long(argc, argv, ":hf", table, NULL)) >= 0)
        if ((status = take_option(options, option, refused_word(argv, letter))) >= 0)
            return status;
    options->words = argv + optind;
    options->count = argc - optind;
    const struct command *command = options->command;
    if (options->count < command->least || (command->most >= 0 && options->count > command->most))
        return refuse_words(options);
    return -1;
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static int run(void *arg)
{
    const struct options *options = arg;
    const double seconds = options->timeout > 0 ? options->timeout : options->command->timeout;
    tr_scope limit = tr_move_on_after(seconds > 0 ? seconds : INFINITY);
    int rc = tr_within(&limit, options->command->run(options));
    if (limit.cancelled_caught)
        return complain(STATUS_LATE, "not within %g seconds; --timeout gives it more", seconds);
    return rc < 0 && rc != TR_ECANCELLED ? explain(rc, options->verbose) : rc;
}

int main(int argc, char **argv)
{
    struct options options = {.arbiter = getenv("TRACTOR_ARBITER")};
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_help();
        return STATUS_FINE;
    }
    if (!strcmp(name, "--version")) {
        puts("tractor " TRACTOR_VERSION);
        return STATUS_FINE;
    }
    if (!name[0])
        return complain(STATUS_USAGE, "what is it to do? `tractor --help` says what it can");
    options.command = find_command(name);
    if (!options.command)
        return complain(STATUS_USAGE, "there is no command \"%s\"; `tractor --help` says which there are", name);
    int status = read_options(argc - 1, argv + 1, &options);
    if (status >= 0)
        return status;
    if (options.arbiter && !options.arbiter[0])
        options.arbiter = NULL;
    return tr_main(argc, argv, run, &options, .name = "tractor", .visitor = true, .start_method = "spawn",
                   .allow_remote = options.arbiter != NULL); /* who names an arbiter may mean one that is elsewhere */
}
