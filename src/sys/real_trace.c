/* Where the running code is.
 *
 * A backtrace is taken where an error arises, and looked at seldom: so addresses are all that is taken then
 * (real_trace), by the unwinder of the compiler's own library, which needs neither memory nor locks. What
 * leaves the process is text for machines (real_trace_locate): which file, the number of its build, where in
 * it, and the exported function, if it is one. It is made in microseconds, also while the process dies. Only
 * where somebody looks are function, file and line found (real_trace_show), which takes milliseconds.
 *
 * The text has four parts with tabs between them, of which the third and fourth may be empty:
 *
 *     offset in hexadecimal, file, build ID in hexadecimal, function+0xoffset
 *
 * The offset is the one that addr2line takes. What comes from a peer may be anything; what is not understood is
 * shown as it is. */
#include "sys/real.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

/* ---- taking --------------------------------------------------------------------------------------------- */

struct walk {
    void **addresses;
    size_t room, count, skip;
    bool inner;                    /* it is not known yet whether what was taken is wanted */
    uintptr_t from;                /* what is wanted begins here, or, if 0, where a signal came */
};

/* An address is where a call returns to. Where a signal came there was no call, and so the next address stands
 * for it. */
static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    int exact = 0;
    uintptr_t address = _Unwind_GetIPInfo(context, &exact);
    if (walk->inner && (walk->from ? address == walk->from : exact)) {
        walk->inner = false;
        walk->count = 0;
    }
    if (!address || walk->count == walk->room)
        return _URC_END_OF_STACK;
    address += exact != 0;
    if (walk->skip > 0)
        walk->skip--;
    else
        walk->addresses[walk->count++] = (void *)address; /* NOLINT(performance-no-int-to-ptr): it is one */
    return _URC_NO_REASON;
}

enum { OURS = 2 }; /* real_trace and whoever called it: of no interest */

size_t real_trace(struct sys *sys, void **ret_addresses, size_t room)
{
    (void)sys;
    struct walk walk = {.addresses = ret_addresses, .room = room, .skip = OURS};
    (void)_Unwind_Backtrace(take_frame, &walk);
    return walk.count;
}

size_t real_trace_from(const void *from, void **ret_addresses, size_t room)
{
    struct walk walk = {.addresses = ret_addresses, .room = room, .inner = true, .from = (uintptr_t)from};
    (void)_Unwind_Backtrace(take_frame, &walk);
    return walk.count;
}

/* ---- telling others --------------------------------------------------------------------------------------- */

enum { PATH_ROOM = 300, BUILD_ID_ROOM = 2 * 20 + 1 };

struct module {
    uintptr_t call, base;          /* what is looked for; where the file's address 0 would be */
    char path[PATH_ROOM], build_id[BUILD_ID_ROOM];
};

static void keep_build_id(struct module *module, const unsigned char *id, size_t size)
{
    static const char digits[] = "0123456789abcdef"; /* printf takes more time than all the rest */
    for (size_t i = 0; i < size && 2 * i + 2 < BUILD_ID_ROOM; i++) {
        module->build_id[2 * i] = digits[id[i] >> 4];
        module->build_id[2 * i + 1] = digits[id[i] & 15];
    }
}

/* Notes are as the linker left them, in a file that runs: they are not looked at with suspicion. */
static void look_for_build_id(struct module *module, const unsigned char *at, size_t size)
{
    const unsigned char *end = at + size;
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, at, sizeof note);
        const unsigned char *name = at + sizeof note, *what = name + ((note.n_namesz + 3) & ~3U);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0)
            keep_build_id(module, what, note.n_descsz);
        at = what + ((note.n_descsz + 3) & ~3U);
        if (at > end)
            return;
    }
}

static void keep_path(struct module *module, const char *name)
{
    ssize_t size = -1;
    if (!name[0]) /* the program itself */
        size = readlink("/proc/self/exe", module->path, PATH_ROOM - 1);
    if (size >= 0)
        module->path[size] = '\0';
    else
        snprintf(module->path, PATH_ROOM, "%s", name);
}

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && address - info->dlpi_addr - part->p_vaddr < part->p_memsz)
            return true;
    }
    return false;
}

static int look_at_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct module *module = arg;
    if (!holds(info, module->call))
        return 0;
    module->base = info->dlpi_addr;
    keep_path(module, info->dlpi_name);
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_NOTE && !module->build_id[0])
            look_for_build_id(module, (const unsigned char *)info->dlpi_addr + part->p_vaddr, part->p_memsz);
    }
    return 1;
}

void real_trace_locate(struct sys *sys, const void *address, char *ret_text, size_t room)
{
    (void)sys;
    Dl_info info = {0};
    const char *call = (const char *)address - 1; /* the call, not where it returns to */
    struct module module = {.call = (uintptr_t)call};
    if (!dl_iterate_phdr(look_at_module, &module)) {
        snprintf(ret_text, room, "%p", address);
        return;
    }
    char function[128] = "";
    if (dladdr(call, &info) && info.dli_sname)
        snprintf(function, sizeof function, "%s+0x%zx", info.dli_sname, (size_t)(call - (const char *)info.dli_saddr));
    snprintf(ret_text, room, "%zx\t%s\t%s\t%s", (size_t)(module.call - module.base), module.path, module.build_id,
             function);
}

/* ---- showing ------------------------------------------------------------------------------------------------ */

enum { OFFSET, FILE_NAME, BUILD_ID, FUNCTION, PARTS };

static bool take_apart(char *text, char *parts[PARTS])
{
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = strsep(&text, "\t");
        if (!parts[i])
            return false;
    }
    return !text;
}

/* Also what the macros of remote functions put into the program. */
static bool is_entrance(const char *symbol)
{
    return strstr(symbol, "_tr_enter_ at ");
}

bool real_trace_show(struct sys *sys, const char *located, char *ret_text, size_t room)
{
    (void)sys;
    char text[512], symbol[400] = "", *parts[PARTS], *end;
    snprintf(text, sizeof text, "%s", located);
    snprintf(ret_text, room, "%s", located);
    if (!take_apart(text, parts))
        return false;
    unsigned long long offset = strtoull(parts[OFFSET], &end, 16);
    if (*end)
        return false;
    const char *slash = strrchr(parts[FILE_NAME], '/'), *name = slash ? slash + 1 : parts[FILE_NAME];
    bool ours = strncmp(name, "libtractor.so", 13) == 0;
    if (real_symbol(parts[FILE_NAME], parts[BUILD_ID], offset, !ours, symbol, sizeof symbol))
        snprintf(ret_text, room, "%s (%s+0x%llx)", symbol, name, offset);
    else if (parts[FUNCTION][0])
        snprintf(ret_text, room, "%s+0x%llx (%s)", name, offset, parts[FUNCTION]);
    else
        snprintf(ret_text, room, "%s+0x%llx", name, offset);
    return ours || is_entrance(symbol);
}
