/* What a target is made of besides LLVMFuzzerTestOneInput, which libFuzzer calls with each input. */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Calls seed_add for each input to begin with; run by `<target> --seeds FOLDER`. */
void target_seeds(void);
void seed_add(const void *bytes, size_t size);

#endif
