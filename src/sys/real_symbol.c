/* Function, file and line of a place in a program, by libdw.
 *
 * libdw is loaded when the first backtrace is shown, and never in most processes: linked, it would cost every
 * actor a quarter of a millisecond at its start. Where it is missing, or the program has no debug information,
 * nothing is found, and the caller says what it knows without.
 *
 * A place may come from another actor, of another program or host. So a file is believed only if its build ID is
 * the one that came with the place; only regular files are opened, and nothing is asked of the network
 * (libdw would ask a debuginfod server, and whoever shows an error would wait for that).
 *
 * LeakSanitizer dies of libraries that are loaded while the program runs and have thread-local variables of their
 * own, as libdw does. So in a program with it libdw is only used if it is linked.
 *
 * What was read is kept for the next time, as a property of the process: files do not change, and reading them
 * is what takes the time. It is all forgotten when it becomes much. Threads take turns. */
#include "sys/real.h"

#if __has_include(<elfutils/libdwfl.h>)

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                               \
    X(dwfl_begin) X(dwfl_end) X(dwfl_report_begin_add) X(dwfl_report_offline) X(dwfl_report_end)   \
    X(dwfl_offline_section_address) X(dwfl_build_id_find_debuginfo) X(dwfl_module_build_id)        \
    X(dwfl_module_getelf) X(dwfl_module_addrname) X(dwfl_module_addrdie) X(dwfl_module_nextcu)     \
    X(dwarf_haspc) X(dwarf_getsrc_die) X(dwarf_linesrc) X(dwarf_lineno) X(dwarf_getscopes)         \
    X(dwarf_getscopes_die) X(dwarf_tag) X(dwarf_diename) X(dwarf_attr) X(dwarf_formudata)          \
    X(dwarf_getsrcfiles) X(dwarf_filesrc)

enum { MODULES = 16 }; /* a program has its own, this library and the C library's */

struct module {
    char *path, *build_id;
    Dwfl_Module *found;            /* NULL: no such file, or it is another build */
    Dwarf_Addr bias;               /* from the file's addresses to libdw's */
};

static struct {
    pthread_mutex_t lock;
    bool tried;
    void *library;                 /* NULL: it is not there */
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
    Dwfl_Callbacks callbacks;
    Dwfl *session;
    struct module modules[MODULES];
    size_t count;
} dw = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ISO C has no conversion from what dlsym returns to a function's address; POSIX says that they are alike. */
static bool load_function(const char *name, void *ret_function)
{
    void *found = dlsym(dw.library, name);
    memcpy(ret_function, &found, sizeof found);
    return found;
}

static bool load_functions(void)
{
#define LOAD(name) && load_function(#name, &dw.name)
    if (!(true FUNCTIONS(LOAD)))
        return false;
#undef LOAD
    dw.callbacks = (Dwfl_Callbacks){.find_debuginfo = dw.dwfl_build_id_find_debuginfo,
                                    .section_address = dw.dwfl_offline_section_address};
    return true;
}

static bool load(void)
{
    if (dw.tried)
        return dw.library;
    dw.tried = true;
    int how = RTLD_NOW | RTLD_LOCAL;
    if (dlsym(RTLD_DEFAULT, "__lsan_do_leak_check"))
        how |= RTLD_NOLOAD;
    dw.library = dlopen("libdw.so.1", how);
    if (dw.library && !load_functions()) {
        dlclose(dw.library);
        dw.library = NULL;
    }
    return dw.library;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static void forget_all(void)
{
    for (size_t i = 0; i < dw.count; i++) {
        free(dw.modules[i].path);
        free(dw.modules[i].build_id);
    }
    dw.count = 0;
    dw.dwfl_end(dw.session);
    dw.session = NULL;
}

/* A pipe or a device would keep us waiting. */
static int open_file(const char *path)
{
    struct stat what;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool has_build_id(Dwfl_Module *module, const char *wanted)
{
    const unsigned char *bits;
    GElf_Addr address;
    char text[3];
    int size = dw.dwfl_module_build_id(module, &bits, &address);
    if (size <= 0 || strlen(wanted) != 2 * (size_t)size)
        return false;
    for (int i = 0; i < size; i++) {
        snprintf(text, sizeof text, "%02x", bits[i]);
        if (memcmp(text, wanted + (ptrdiff_t)2 * i, 2) != 0)
            return false;
    }
    return true;
}

static void read_module(struct module *module)
{
    int fd = open_file(module->path);
    if (fd < 0)
        return;
    dw.dwfl_report_begin_add(dw.session);
    Dwfl_Module *found = dw.dwfl_report_offline(dw.session, module->path, module->path, fd);
    dw.dwfl_report_end(dw.session, NULL, NULL);
    if (!found)
        close(fd); /* else it is libdw's */
    else if (has_build_id(found, module->build_id) && dw.dwfl_module_getelf(found, &module->bias))
        module->found = found;
}

static struct module *module_of(const char *path, const char *build_id)
{
    for (size_t i = 0; i < dw.count; i++)
        if (strcmp(dw.modules[i].path, path) == 0 && strcmp(dw.modules[i].build_id, build_id) == 0)
            return &dw.modules[i];
    if (dw.count == MODULES)
        forget_all();
    if (!dw.session && !(dw.session = dw.dwfl_begin(&dw.callbacks)))
        return NULL;
    struct module *module = &dw.modules[dw.count];
    *module = (struct module){.path = strdup(path), .build_id = strdup(build_id)};
    if (!module->path || !module->build_id) {
        free(module->path);
        free(module->build_id);
        return NULL;
    }
    dw.count++;
    read_module(module);
    return module;
}

/* ---- places ------------------------------------------------------------------------------------------------- */

struct line {
    char *text;
    size_t room, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line->text + line->used, line->room - line->used, format, args);
    va_end(args);
    line->used += size > 0 ? (size_t)size : 0;
    if (line->used >= line->room)
        line->used = line->room - 1;
}

static bool ends_with(const char *name, const char *tail)
{
    size_t size = strlen(name), tail_size = strlen(tail);
    return size > tail_size && strcmp(name + size - tail_size, tail) == 0;
}

/* The body of a remote function has the function's name, and more that says nothing. */
static void add_function(struct line *line, const char *name)
{
    static const char body[] = "_tr_body_";
    size_t size = strlen(name) - (ends_with(name, body) ? sizeof body - 1 : 0);
    add(line, "%.*s", (int)size, name);
}

static void add_place(struct line *line, const char *file, int number)
{
    static const char here[] = "./";
    if (file && strncmp(file, here, 2) == 0)
        file += 2;
    if (file)
        add(line, " at %s:%d", file, number);
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    if (dw.dwarf_attr(die, name, &attribute) && dw.dwarf_formudata(&attribute, &number) == 0)
        return number;
    return 0;
}

/* Where the function that was inlined would have been called. */
static void add_call(struct line *line, Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Files *files;
    size_t count;
    Dwarf_Word file = number_of(inlined, DW_AT_call_file);
    if (dw.dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        add_place(line, dw.dwarf_filesrc(files, file, NULL, NULL), (int)number_of(inlined, DW_AT_call_line));
}

/* Innermost first: each is named after the place in it, which for all but the first is a call. What enters the
 * body of a remote function stands in the same line of the program, and is left out. */
static bool add_scopes(struct line *line, Dwarf_Die *unit, Dwarf_Die *scopes, int count, const char *file, int number)
{
    Dwarf_Die *inlined = NULL;
    bool any = false;
    for (int i = 0; i < count; i++) {
        int tag = dw.dwarf_tag(&scopes[i]);
        const char *name = dw.dwarf_diename(&scopes[i]);
        if ((tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) || !name ||
            (any && ends_with(name, "_tr_enter_")))
            continue;
        add(line, "%s", any ? ", inlined in " : "");
        add_function(line, name);
        if (inlined)
            add_call(line, unit, inlined);
        else
            add_place(line, file, number);
        any = true;
        if (tag == DW_TAG_subprogram)
            break;
        inlined = &scopes[i];
    }
    return any;
}

/* Of the source file that the place is in. gcc writes a table of that; clang does not, and all are looked at. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *ret_bias)
{
    Dwarf_Die *unit = dw.dwfl_module_addrdie(module, address, ret_bias);
    if (unit)
        return unit;
    while ((unit = dw.dwfl_module_nextcu(module, unit, ret_bias)))
        if (dw.dwarf_haspc(unit, address - *ret_bias) > 0)
            return unit;
    return NULL;
}

/* By the debug information. */
static bool add_functions(struct line *line, Dwarf_Die *unit, Dwarf_Addr address, const char *file, int number)
{
    Dwarf_Die *scopes = NULL, *physical = NULL;
    int count = dw.dwarf_getscopes(unit, address, &scopes);
    if (count > 0) /* those around an inlined function as it runs, not as it is written */
        count = dw.dwarf_getscopes_die(&scopes[0], &physical);
    bool any = count > 0 && add_scopes(line, unit, physical, count, file, number);
    free(physical);
    free(scopes);
    return any;
}

/* Looking for inlined functions takes long in a large program that was optimised as a whole, as this library is;
 * in it nobody wants to know. */
static bool describe(const struct module *module, Dwarf_Addr address, bool inlined, struct line *line)
{
    int number = 0;
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = unit_of(module->found, address, &bias);
    Dwarf_Line *source = unit ? dw.dwarf_getsrc_die(unit, address - bias) : NULL;
    const char *file = source ? dw.dwarf_linesrc(source, NULL, NULL) : NULL;
    if (source)
        (void)dw.dwarf_lineno(source, &number);
    if (unit && inlined && add_functions(line, unit, address - bias, file, number))
        return true;
    const char *name = dw.dwfl_module_addrname(module->found, address); /* by the table of symbols */
    if (!name)
        return false;
    add_function(line, name);
    add_place(line, file, number);
    return true;
}

bool real_symbol(const char *path, const char *build_id, unsigned long long offset, bool inlined,
                 char *ret_text, size_t room)
{
    if (!build_id[0])
        return false;
    pthread_mutex_lock(&dw.lock);
    struct module *module = load() ? module_of(path, build_id) : NULL;
    struct line line = {ret_text, room, 0};
    bool found = module && module->found && describe(module, offset + module->bias, inlined, &line);
    pthread_mutex_unlock(&dw.lock);
    return found;
}

#else

bool real_symbol(const char *path, const char *build_id, unsigned long long offset, bool inlined,
                 char *ret_text, size_t room)
{
    (void)path, (void)build_id, (void)offset, (void)inlined, (void)ret_text, (void)room;
    return false;
}

#endif
