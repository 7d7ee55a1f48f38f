/* State machines as tables: each state has a name and the set of states that may follow it. All
 * changes go through machine_move, which ends the process at an illegal one, with both names. */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include "base/panic.h"

#include <stdint.h>

#define TO(state) (1u << (state))

struct machine_state {
    const char *name;
    uint32_t next;                          /* the states that may follow, TO(a) | TO(b) */
};

struct machine {
    const char *of;                         /* what has these states, for messages */
    const struct machine_state *table;
    uint8_t at;
};

static inline void machine_init(struct machine *machine, const char *of,
                                const struct machine_state *table)
{
    *machine = (struct machine){.of = of, .table = table};
}

static inline void machine_move(struct machine *machine, unsigned to)
{
    if (!(machine->table[machine->at].next & TO(to)))
        panic("%s cannot go from %s to %s", machine->of, machine->table[machine->at].name,
              machine->table[to].name);
    machine->at = (uint8_t)to;
}

#endif
