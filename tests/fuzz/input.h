/* An input taken as a sequence of choices. Past its end every choice is 0, so every input means something. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* One of `count` things. */
static inline unsigned input_choice(struct input *input, unsigned count)
{
    return input_byte(input) % count;
}

static inline uint64_t input_number(struct input *input, int width)
{
    uint64_t number = 0;
    while (width-- > 0)
        number = number << 8 | input_byte(input);
    return number;
}

/* The next bytes as they are, fewer than wanted at the end. */
static inline const uint8_t *input_bytes(struct input *input, size_t wanted, size_t *ret_size)
{
    const uint8_t *bytes = input->at;
    *ret_size = wanted < input->left ? wanted : input->left;
    input->at += *ret_size;
    input->left -= *ret_size;
    return bytes;
}

#endif
