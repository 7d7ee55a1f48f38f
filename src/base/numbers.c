/* What strtol does but for its liberties: no blanks, no plus, nothing behind the number, none too large. */
#include "base/numbers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* One number; where it ends, or NULL. */
static const char *parse_one(const char *text, int *ret)
{
    const char *digits = text + (*text == '-');
    if (*digits < '0' || *digits > '9')
        return NULL;
    char *end;
    int before = errno;
    errno = 0;
    long number = strtol(text, &end, 10);
    int rc = errno;
    errno = before;
    if (rc || number < INT_MIN || number > INT_MAX)
        return NULL;
    *ret = (int)number;
    return end;
}

bool numbers_parse(const char *text, int *ret_numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && *text++ != ',')
            return false;
        text = parse_one(text, &ret_numbers[i]);
        if (!text)
            return false;
    }
    return *text == '\0';
}
