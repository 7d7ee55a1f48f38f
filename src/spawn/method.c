/* Which start method it is, and what has to be made for it before anything else.
 *
 *     spawn        a fresh process of the program; always possible
 *     forkserver   forked from the root's server, which all actors of the tree use
 *     fork         forked from a server that each actor has of its own
 *
 * The two servers are one thing (sys_make_server) with different owners. A copy of a server goes on from where it
 * was made, as a child: it then asks itself once more how it is to start others, and under "fork" makes one too. */
#include "spawn/method.h"

#include "base/error.h"
#include "base/numbers.h"
#include "spawn/child.h"
#include "sys/sys.h"

#include <errno.h>
#include <string.h>

#define VARIABLE "TRACTOR_START_METHOD"

static const char *const words[] = {
    [START_SPAWN] = "spawn", [START_FORKSERVER] = "forkserver", [START_FORK] = "fork"};
enum { METHODS = sizeof words / sizeof *words };

const char *method_name(enum start_method method)
{
    return words[method];
}

static int method_of(const char *word, enum start_method *ret)
{
    for (int i = 0; i < METHODS; i++)
        if (strcmp(words[i], word) == 0) {
            *ret = (enum start_method)i;
            return 0;
        }
    return TR_EARGUMENT;
}

static const char *wanted(const char *word)
{
    if (!word || !word[0])
        word = sys_env_before(VARIABLE);
    return word && word[0] ? word : words[START_SPAWN];
}

/* A child that was told nonsense finds that out for itself, once it can say so: child_inherit. */
static int method_of_tree(const char *word, enum start_method *ret)
{
    struct birth_note note;
    if (!sys_is_child())
        return method_of(wanted(word), ret);
    *ret = birth_read(sys_birth(), &note) ? note.method : START_SPAWN;
    return 0;
}

int method_begin(const char *word, enum start_method *ret)
{
    int rc;
    do {
        rc = method_of_tree(word, ret);
        if (rc >= 0 && *ret != START_SPAWN && !(*ret == START_FORKSERVER && sys_is_child()))
            rc = sys_make_server();
    } while (rc > 0);
    return rc;
}

int method_failed(int rc, const char *word)
{
    if (rc == TR_EARGUMENT)
        return raise_code(rc, "there is no start method \"%s\"; there are spawn, forkserver and fork", wanted(word));
    if (rc == -EBUSY)
        return raise_code(TR_EMISUSE, "another root runs in this process");
    if (rc == -EDEADLK)
        return raise_code(TR_EMISUSE, "this process has threads, so that it cannot be forked: call tr_main before "
                                      "they are started, or use the start method spawn");
    return raise_code(TR_ESTART, "cannot make the process that actors are forked from: %s", tr_code_sentence(rc));
}

int method_for_actor(const char *word, enum start_method of_tree, enum start_method *ret)
{
    *ret = of_tree;
    if (!word || !word[0])
        return 0;
    if (method_of(word, ret) < 0)
        return method_failed(TR_EARGUMENT, word);
    if (*ret != START_SPAWN && *ret != of_tree)
        return raise_code(TR_EMISUSE, "nothing is there to start an actor by %s from: the root has to call tr_main "
                                      "with .start_method = \"%s\", or with " VARIABLE "=%s", word, word, word);
    return 0;
}
