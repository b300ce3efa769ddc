// Owns 500 MiB of .bss and touches one word in every 256 KiB: all must be zero at the start and
// keep what was written. Writes the sum of what it read back; exit code 1 if a word was not zero.
#include "guest_io.h"

#define WORDS  (500u << 18)
#define STRIDE (1u << 16)

static uint32_t memory[WORDS];
static uint32_t initialised = 7;

int hr_guest_main(void) {
    uint32_t sum = initialised;
    for (uint32_t i = 0; i < WORDS; i += STRIDE) {
        if (*(volatile uint32_t *)&memory[i] != 0) {
            return 1;
        }
        memory[i] = i;
    }
    for (uint32_t i = 0; i < WORDS; i += STRIDE) {
        sum += *(volatile uint32_t *)&memory[i];
    }
    hr_guest_write(&sum, 1);
    return 0;
}
