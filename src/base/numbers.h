/* Whole numbers from text that may have come from anywhere: an environment, a dying process. */
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

/* Exactly `count` decimal numbers separated by commas and nothing else: "7" or "3,4,-1". False, with ret_numbers
 * untouched or written in part, for any other text, and for a number that an int cannot hold. */
bool numbers_parse(const char *text, int *ret_numbers, size_t count);

#endif
