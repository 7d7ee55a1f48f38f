/* service_discovery.c: an actor registers with an arbiter, and is found there by its name.
 *
 * Run it beside another program with the same arbiter, and each finds the other's actors:
 *
 *     service_discovery [unix:@stage | tcp://127.0.0.1:1616] */
#include <stdio.h>
#include <tractor.h>

static int discover(void *service_name)
{
    tr_auto(nursery) n = tr_open_nursery();
    tr_auto(portal) arbiter = NULL, service = NULL;
    tr_try(tr_start_actor(n, NULL, service_name));

    tr_try(tr_get_arbiter(&arbiter));
    printf("Arbiter is listening on %s\n", tr_portal_actor(arbiter)->address);

    tr_try(tr_wait_for_actor(&service, service_name));
    printf("%s is found at %s\n", tr_portal_actor(service)->name, tr_portal_actor(service)->address);

    tr_list_tr_registration all;
    tr_try(tr_query_actors(&all));
    for (size_t i = 0; i < all.count; i++)
        printf("registered: %s\n", all.items[i].name);

    tr_cancel(n);
    return tr_join(n);
}

int main(int argc, char **argv)
{
    return tr_main(argc, argv, discover, "my_service",
                   .arbiter = argc > 1 ? argv[1] : "tcp://127.0.0.1:1616");
}
