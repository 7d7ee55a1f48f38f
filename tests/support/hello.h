/* Actors that find each other by name and speak a line, as in the README's first scene. The includer says its TR_MODULE,
 * which these functions are then in. */
#ifndef TESTS_HELLO_H
#define TESTS_HELLO_H

#include <tractor.h>

tr_fn(tr_str, hi)
{
    return tr_return_fmt("Hi my name is %s", tr_current_actor()->name);
}

tr_fn(tr_str, say_hello, (tr_str, other_actor))
{
    tr_auto(portal) other = NULL;
    tr_try(tr_wait_for_actor(&other, args->other_actor));
    return tr_call(other, ret, hi);
}

#endif
