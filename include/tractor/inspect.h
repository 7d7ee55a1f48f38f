/* What runs: finding the trees of actors that there are, and asking actors what they are at. For tools; the program
 * `tractor` (cli/) is one, and has no other means than these.
 *
 *     static int look(void *arg)
 *     {
 *         tr_list_tr_tree trees;
 *         tr_try(tr_find_trees(&trees));
 *         for (size_t i = 0; i < trees.count; i++) {
 *             tr_auto(portal) root = NULL;
 *             tr_actor_state state;
 *             tr_try(tr_reach_actor(&root, trees.items[i].address, trees.items[i].root));
 *             tr_try(tr_inspect_actor(root, &state));
 *             printf("%s has pid %d\n", state.name, (int)state.pid);
 *         }
 *         return 0;
 *     }
 *     ... return tr_main(argc, argv, look, NULL, .visitor = true);
 *
 * Every actor answers, but only to the same user on the same host: to its parent and children, and to whoever comes by
 * a Unix socket. To others it is TR_ENOTEXPOSED. What is asked is answered by a task of the actor's own, so one that
 * computes without a checkpoint, or is stopped, does not answer: put a deadline around it.
 *
 * What a function gives (texts, lists) belongs to the calling task's innermost frame. All of them raise TR_ENORUNTIME
 * outside of actors, and -ENOMEM. */
#ifndef TRACTOR_INSPECT_H
#define TRACTOR_INSPECT_H

#include "tractor/registry.h"

/* ---- finding ----------------------------------------------------------------------------------------------- */

/* A tree, by its root's uuid; the root listens there. */
tr_struct(tr_tree, (tr_str, root), (tr_str, address));
tr_list_of(tr_tree);

/* The trees of this user on this host (as far as it shares its network: a container may be another host), in the
 * order of their roots' uuids; each root listens at the abstract name "tractor/<number of the user>/<its uuid>",
 * whatever its arbiter. No checkpoint, and nobody is asked: who is about to end may be among them. An errno value
 * when the system does not tell. */
TR_API int tr_find_trees(tr_list_tr_tree *ret_trees) TR_USE_RESULT;

/* A portal to the actor at an address, which is the caller's: tr_auto(portal). `uuid` may be NULL for whoever it is.
 * One that is found by TCP and is on this host is reached by its Unix socket then: it tells nothing otherwise. A
 * checkpoint. TR_EARGUMENT for what is no address, TR_EBROKEN if another one lives there, an errno value if nobody. */
TR_API int tr_reach_actor(tr_portal **ret_portal, const char *address, const char *uuid) TR_USE_RESULT;

/* The same for one that is registered: by a Unix socket if it has one, else by its address. A checkpoint. Errors as
 * above; TR_EARGUMENT for one without an address. */
TR_API int tr_reach_registered(tr_portal **ret_portal, const tr_registration *actor) TR_USE_RESULT;

/* All that are registered with a root: those of its tree, and, if it is a shared arbiter, those of others. A
 * checkpoint. TR_ENOARBITER if it is none or breaks off. */
TR_API int tr_actors_of(tr_portal *root, tr_list_tr_registration *ret_found) TR_USE_RESULT;

/* A stream of those who join and leave there, to be read by tr_next_actor: first those that are there join. A
 * checkpoint. TR_ENOARBITER, TR_EARGUMENT without a place for the stream. */
TR_API int tr_watch_actors_of(tr_portal *root, tr_stream **ret_stream) TR_USE_RESULT;

/* ---- one actor --------------------------------------------------------------------------------------------- */

/* What an actor says of itself. `root` and `parent` are uuids, the latter "" for a root. `uptime` and `cpu` (of all its
 * threads) are seconds. `memory` is bytes: what it has for itself, and its share of what processes share. `calls`: how
 * many of others run in it, without this one. */
tr_struct(tr_actor_state, (tr_str, name), (tr_str, uuid), (int32_t, pid), (tr_str, host), (tr_str, address),
          (tr_str, root), (tr_str, parent), (tr_str, parent_name), (double, uptime), (uint64_t, memory), (double, cpu),
          (uint32_t, calls), (tr_list_tr_str, modules));

/* A checkpoint. Errors as of tr_call. */
TR_API int tr_inspect_actor(tr_portal *portal, tr_actor_state *ret_state) TR_USE_RESULT;

/* The actor's tree of scopes, nurseries and tasks, and what each waits for: its tr_task_tree. A checkpoint. Errors as
 * of tr_call. */
TR_API int tr_inspect_tasks(tr_portal *portal, tr_str *ret_text) TR_USE_RESULT;

/* A line of an actor's log, as the console has it, without colours and without a newline. `level`: its number (log.h).
 * `lost`: how many went before it that this reader will not see. */
tr_struct(tr_log_line, (int32_t, level), (tr_str, text), (uint64_t, lost));

/* A stream of what an actor's log says from now on, of a level by its name, like "cancel", or above; NULL or "" for
 * what it says anyway. What it would not have said is said to this reader only, and for as long. It comes within a
 * twentieth of a second. Who reads too slowly does not keep the actor waiting: 256 KiB are kept for it beside what a
 * stream keeps, and then the oldest lines are lost. To be read by tr_next_log_line, and left by tr_auto(stream). A
 * checkpoint. TR_EARGUMENT for an unknown level; else as tr_open_stream. For more than sixteen at a
 * time the first line is TR_EREMOTE, caused by errno.EAGAIN. */
TR_API int tr_follow_log(tr_portal *portal, tr_stream **ret_stream, const char *level) TR_USE_RESULT;

/* Waits for the next line: 1 with it in *ret_line, whose text lives until the next call or the stream's end. A
 * checkpoint. Errors as of tr_next. */
TR_API int tr_next_log_line(tr_stream *stream, tr_log_line *ret_line) TR_USE_RESULT;

/* ---- calling what one does not know ------------------------------------------------------------------------ */

/* Functions as the actor that serves them describes them: module, name, way, and the types of arguments and results
 * with their names and defaults. A description is good for the calls below, and for looking at; where members lie in
 * C is this side's. It belongs to the calling task's innermost frame, as the list does. */
typedef struct tr_function_list {
    const tr_fn_info *items;
    size_t count;
} tr_function_list;

/* The functions that an actor serves, in the order of their names: all, or those of "module", or "module.function"
 * only; NULL or "" for all. Not the runtime's own. A checkpoint. Errors as of tr_call, which says TR_EPROTOCOL for a
 * description that makes no sense. */
TR_API int tr_inspect_functions(tr_portal *portal, const char *which, tr_function_list *ret_functions) TR_USE_RESULT;

/* "int64_t place_order(legs: list<leg{venue: tr_str, qty: int64_t = 1}>, dry_run: bool)": a signature for people, with
 * what has a default. A stream starts with "stream ", a context with "context (first, heard, item) ". In the calling
 * task's innermost frame; "" when memory is out. No checkpoint. */
TR_API const char *tr_signature(const tr_fn_info *fn);

/* Calls such a function, with arguments that are a map by their names; TR_NIL for none. A struct is a map as well, a
 * list an array, and a text will do for tr_bytes. What is not given has its default. The result comes in the same
 * way, void as TR_NIL. A checkpoint. TR_EARGUMENT for arguments that are not the function's, with the signature and
 * what is wrong, and then nothing has been called; TR_EMISUSE for one that is not called for one result; otherwise as
 * tr_call. */
TR_API int tr_call_value(tr_portal *portal, const tr_fn_info *fn, const tr_value *args, tr_value *ret_result)
    TR_USE_RESULT;

/* The same for a stream; `fn` must live as long as it. Its values are taken by tr_next_value: 1 with one in
 * *ret_item, in the innermost frame; 0 at the end. Checkpoints. Errors as above, and as of tr_open_stream and
 * tr_next. */
TR_API int tr_open_stream_value(tr_portal *portal, tr_stream **ret_stream, const tr_fn_info *fn, const tr_value *args)
    TR_USE_RESULT;
/* See above. A checkpoint. */
TR_API int tr_next_value(tr_stream *stream, const tr_fn_info *fn, tr_value *ret_item) TR_USE_RESULT;

#endif
