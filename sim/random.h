/* splitmix64: one number of state, every seed as good as another, the same on every machine. */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* From 0 to below `end`; 0 for 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t end)
{
    return end > 0 ? random_next(state) % end : 0;
}

static inline bool random_chance(uint64_t *state, unsigned in_a_thousand)
{
    return in_a_thousand > 0 && random_below(state, 1000) < in_a_thousand;
}

#endif
