// Tape: a count, then as many words. Copies them to the public output, 4,093 at a time. Exit code
// 0.
#include "guest_io.h"

enum { CHUNK_WORDS = 4093 };

static uint32_t chunk[CHUNK_WORDS];

int hr_guest_main(void) {
    uint32_t left;
    hr_guest_read(&left, 1);
    while (left != 0) {
        const uint32_t got = left < CHUNK_WORDS ? left : CHUNK_WORDS;
        hr_guest_read(chunk, got);
        hr_guest_write(chunk, got);
        left -= got;
    }
    return 0;
}
