#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- entering ------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        perror(path);
    close(fd);
}

static void write_map(const char *path, unsigned id)
{
    char line[64];
    snprintf(line, sizeof line, "0 %u 1\n", id);
    write_file(path, line);
}

/* Whoever is not root may be it in a namespace of users. Not under another number: what he starts would then have
 * less rights than he, and could not open his board. */
static bool leave_namespaces(void)
{
    enum { ALL = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS };
    if (unshare(ALL) == 0)
        return true;
    unsigned user = geteuid(), group = getegid();
    if (unshare(CLONE_NEWUSER | ALL) < 0)
        return false;
    write_file("/proc/self/setgroups", "deny");
    write_map("/proc/self/uid_map", user);
    write_map("/proc/self/gid_map", group);
    return true;
}

static void bring_loopback_up(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)ioctl(fd, SIOCSIFFLAGS, &lo);
    close(fd);
}

static bool mount_disk(unsigned disk_kib)
{
    char options[64] = "mode=700";
    if (disk_kib > 0)
        snprintf(options, sizeof options, "mode=700,size=%uk", disk_kib);
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

bool room_enter(struct room *room, unsigned disk_kib)
{
    room->closed = leave_namespaces() && mount_disk(disk_kib);
    snprintf(room->folder, sizeof room->folder, "%s",
             room->closed ? "/dev/shm/tmp" : "/tmp/chaos-XXXXXX");
    if (room->closed)
        bring_loopback_up();
    bool made = room->closed ? mkdir(room->folder, 0700) == 0 : mkdtemp(room->folder) != NULL;
    return made && setenv("TMPDIR", room->folder, 1) == 0;
}

bool room_may_be_closed(void)
{
    int status = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(leave_namespaces() && mount_disk(64) ? 0 : 1);
    if (child > 0)
        (void)waitpid(child, &status, 0);
    return status == 0;
}

/* ---- looking ---------------------------------------------------------------------------------------- */

struct findings {
    int count;
    char *text;
    size_t room;
};

static void found(struct findings *findings, const char *what)
{
    int size = snprintf(findings->text, findings->room, " %s", what);
    size_t step = size < 0 ? 0 : (size_t)size < findings->room ? (size_t)size : findings->room;
    findings->count++;
    findings->text += step;
    findings->room -= step;
}

static void look_into_folder(struct findings *findings, const char *path, const char *but)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, but) != 0)
            found(findings, entry->d_name);
    closedir(folder);
}

/* Of a table of the kernel each line that has something in that column, the head excepted. */
static void look_into_table(struct findings *findings, const char *path, int column)
{
    char line[512], *at, *word;
    FILE *table = fopen(path, "re");
    for (int lines = 0; table && fgets(line, sizeof line, table); lines++) {
        int words = 0;
        for (char *rest = line; (word = strtok_r(rest, " \n", &at)) && words < column; rest = NULL)
            words++;
        if (lines > 0 && word)
            found(findings, word);
    }
    if (table)
        fclose(table);
}

int room_left(const struct room *room, char *ret_what, size_t size)
{
    struct findings findings = {.text = ret_what, .room = size};
    ret_what[0] = '\0';
    look_into_folder(&findings, room->folder, "");
    if (!room->closed)
        return findings.count;
    enum { NAME_OF_SOCKET = 7, KEY = 0 };
    look_into_folder(&findings, "/dev/shm", "tmp");
    look_into_table(&findings, "/proc/self/net/unix", NAME_OF_SOCKET);
    look_into_table(&findings, "/proc/sysvipc/shm", KEY);
    look_into_table(&findings, "/proc/sysvipc/sem", KEY);
    return findings.count;
}

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

void room_leave(struct room *room)
{
    if (room->closed)
        return; /* it goes with us */
    empty_folder(room->folder);
    (void)rmdir(room->folder);
}
