/* Which bug is planted. */
#include "base/plant.h"

#ifdef TR_PLANTS

#define PLANT_OFTEN_(name, text, often) [PLANT_##name] = (often),
static const unsigned every[] = {PLANTS(PLANT_OFTEN_) RING_PLANTS(PLANT_OFTEN_)};

static enum plant chosen;
static unsigned passed;

void plant_choose(enum plant which)
{
    chosen = which;
    passed = 0;
}

bool plant_strikes(enum plant which)
{
    return which == chosen && ++passed % every[which] == 0;
}

#else

typedef int nothing_is_planted;

#endif
