/* A line of the log, from what was said to where it goes.
 *
 *     tr_log_, log_say --> the message, on the stack --> a record --> whoever takes the records (log_hand_over)
 *                                                             \----> or a line of text, in one write: the console
 *
 * Nothing here can fail or needs memory: what does not fit is cut, visibly, and what cannot be written is lost. A line
 * is never longer than a pipe takes in one piece. In it the message is made harmless: a newline would begin a line that
 * nobody has said, and what a peer has sent could otherwise steer the terminal. A record has it as it is. */
#include "base/log.h"

#include "base/error.h"
#include "base/hooks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MESSAGE_ROOM = 2001, LINE_ROOM = 4096, MODULE_ROOM = 128, UID_SHOWN = 8 };
static const char CUT[] = "...";

/* ---- levels ----------------------------------------------------------------------------------------------- */

static const struct level {
    const char *name;
    int number;
    const char *colour;
} levels[] = {
#define LEVEL_(LEVEL, NAME, NUMBER) {NAME, NUMBER, COLOUR_##LEVEL},
#define COLOUR_TR_LOG_TRACE "\x1b[2m"
#define COLOUR_TR_LOG_TRANSPORT "\x1b[36m"
#define COLOUR_TR_LOG_DEBUG "\x1b[37m"
#define COLOUR_TR_LOG_RUNTIME "\x1b[34m"
#define COLOUR_TR_LOG_INFO "\x1b[32m"
#define COLOUR_TR_LOG_CANCEL "\x1b[35m"
#define COLOUR_TR_LOG_WARNING "\x1b[33m"
#define COLOUR_TR_LOG_ERROR "\x1b[31m"
#define COLOUR_TR_LOG_CRITICAL "\x1b[1;31m"
#define COLOUR_TR_LOG_NONE ""
    TR_LOG_LEVELS(LEVEL_)};
static const char DIM[] = "\x1b[2m", PLAIN[] = "\x1b[0m";

enum { LEVELS = sizeof levels / sizeof *levels };

/* The highest that is not above it: a program may have numbers of its own. */
static const struct level *level_at(int number)
{
    size_t i = LEVELS - 1;
    while (i > 0 && levels[i].number > number)
        i--;
    return &levels[i];
}

int log_level_of(const char *name)
{
    if (!name || !name[0])
        return TR_LOG_WARNING;
    for (size_t i = 0; i < LEVELS; i++)
        if (strcmp(levels[i].name, name) == 0)
            return levels[i].number;
    return -1;
}

int log_refuse(const char *where, const char *name)
{
    char names[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < LEVELS; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i == 0 ? "" : i + 1 < LEVELS ? ", " : " and ", levels[i].name);
    return raise_code(TR_EARGUMENT, "%s: there is no log level \"%.40s\"; there are %s", where, name, names);
}

int tr_console_log(const char *name)
{
    bool chosen = name && name[0];
    int level = log_level_of(chosen ? name : environment_value("TRACTOR_LOG"));
    if (level < 0 && chosen) {
        int rc = log_refuse("tr_console_log", name);
        log_at(TR_LOG_ERROR, "there is no log level \"%.40s\"", name);
        return rc;
    }
    log_set_level(level < 0 ? TR_LOG_WARNING : level, chosen);
    return 0;
}

/* ---- the line ---------------------------------------------------------------------------------------------- */

struct text {
    char *at, *end;             /* there is room until then, and behind it for what must come last */
    bool cut;
};

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
    if (size > (size_t)(text->end - text->at)) {
        size = 0; /* whole or not at all: half an escape sequence is none */
        text->cut = true;
    }
    if (text->cut)
        return;
    memcpy(text->at, bytes, size);
    text->at += size;
}

static void append(struct text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

static void add_harmless(struct text *text, const char *string)
{
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        char escape[8];
        if (c >= ' ' && c != 0x7f)
            add_bytes(text, string, 1);
        else if (c == '\n')
            append(text, "\\n");
        else if (c == '\t')
            append(text, " ");
        else {
            snprintf(escape, sizeof escape, "\\x%02x", c);
            append(text, escape);
        }
    }
}

static void add_number(struct text *text, int number)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", number);
    append(text, digits);
}

static void add_time(struct text *text, int64_t time_ns)
{
    time_t seconds = time_ns / 1000000000;
    struct tm at;
    char date[40], fraction[12];
    if (!gmtime_r(&seconds, &at) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &at) == 0)
        return;
    snprintf(fraction, sizeof fraction, ".%06dZ", (int)(time_ns / 1000 % 1000000));
    append(text, date);
    append(text, fraction);
}

static void add_actor(struct text *text, const tr_actor *actor)
{
    add_harmless(text, actor->name[0] ? actor->name : "-");
    if (!actor->uuid[0])
        return;
    append(text, "[");
    add_bytes(text, actor->uuid, strnlen(actor->uuid, UID_SHOWN));
    append(text, "]");
}

static void add_who(struct text *text, const tr_log_record *record)
{
    append(text, " (");
    add_actor(text, record->actor);
    append(text, ", ");
    add_number(text, record->actor->pid);
    append(text, ", ");
    add_harmless(text, record->task[0] ? record->task : "-");
    append(text, ") ");
}

static void add_where(struct text *text, const tr_log_record *record)
{
    add_harmless(text, record->subsystem);
    append(text, " ");
    add_harmless(text, record->file);
    append(text, ":");
    add_number(text, record->line);
}

size_t log_format(const tr_log_record *record, bool coloured, char *ret_line, size_t room)
{
    const char *colour = coloured ? level_at(record->level)->colour : "", *dim = coloured ? DIM : "",
               *plain = coloured ? PLAIN : "";
    const size_t last = strlen(CUT) + strlen(plain) + 1;
    struct text text = {.at = ret_line, .end = ret_line + room - last};
    append(&text, dim);
    add_time(&text, record->time_ns);
    add_who(&text, record);
    append(&text, plain);
    append(&text, colour);
    append(&text, "[");
    append(&text, record->level_name);
    append(&text, "] ");
    append(&text, plain);
    append(&text, dim);
    add_where(&text, record);
    append(&text, plain);
    append(&text, " ");
    append(&text, colour);
    add_harmless(&text, record->message);
    text.end = ret_line + room;
    const bool cut = text.cut;
    text.cut = false;
    append(&text, cut ? CUT : "");
    append(&text, plain);
    append(&text, "\n");
    return (size_t)(text.at - ret_line);
}

static __attribute__((noinline)) void say_on_console(const tr_log_record *record)
{
    char line[LINE_ROOM];
    console_write(line, log_format(record, console_is_coloured(), line, sizeof line));
}

/* ---- the record -------------------------------------------------------------------------------------------- */

static void deliver(tr_log_record *record, const tr_actor *actor)
{
    record->actor = actor;
    if (!log_hand_over(record))
        say_on_console(record);
    record->actor = NULL; /* who may not live longer than this */
}

/* A thread that the library knows nothing of. */
static __attribute__((noinline)) void deliver_from_outside(tr_log_record *record)
{
    char name[LOG_NAME_ROOM], uuid[LOG_UUID_ROOM];
    const int pid = log_copy_self(name, uuid);
    deliver(record, &(tr_actor){name, uuid, "", pid});
}

static void deliver_from_here(tr_log_record *record)
{
    tr_actor actor = runtime->self;
    actor.pid = process_number();
    record->task = runtime->front->name ? runtime->front->name : "";
    deliver(record, &actor);
}

static void format_message(char message[MESSAGE_ROOM], const char *format, va_list args)
{
    int size = vsnprintf(message, MESSAGE_ROOM, format, args);
    if (size < 0)
        snprintf(message, MESSAGE_ROOM, "(a message that cannot be formatted: %.100s)", format);
    else if (size >= MESSAGE_ROOM)
        memcpy(message + MESSAGE_ROOM - sizeof CUT, CUT, sizeof CUT);
}

static void compose(tr_log_level level, const char *subsystem, const char *file, int line, const char *format,
                    va_list args)
{
    const int error = errno;
    char message[MESSAGE_ROOM];
    const char *slash = strrchr(file, '/');
    format_message(message, format, args);
    tr_log_record record = {.time_ns = wall_clock(), .level = level, .level_name = level_at(level)->name, .task = "",
                            .subsystem = subsystem, .file = slash ? slash + 1 : file, .line = line, .message = message};
    if (runtime)
        deliver_from_here(&record);
    else
        deliver_from_outside(&record);
    errno = error;
}

void tr_log_(tr_log_level level, const char *module, const char *file, int line, const char *format, ...)
{
    char room[MODULE_ROOM];
    va_list args;
    va_start(args, format);
    compose(level, tr_module_of_(module, file, room, sizeof room), file, line, format, args);
    va_end(args);
}

/* The folder that the file is in. */
static const char *room_of(const char *file, char ret_room[MODULE_ROOM])
{
    const char *slash = strrchr(file, '/'), *begin = slash ? slash : file;
    while (begin > file && begin[-1] != '/')
        begin--;
    snprintf(ret_room, MODULE_ROOM, "%.*s", slash ? (int)(slash - begin) : 0, begin);
    return ret_room;
}

void log_say(tr_log_level level, const char *file, int line, const char *format, ...)
{
    char room[MODULE_ROOM];
    va_list args;
    va_start(args, format);
    compose(level, room_of(file, room), file, line, format, args);
    va_end(args);
}
