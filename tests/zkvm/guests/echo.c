// Copies the tape to the public output, asking for 4,093 words at a time, and then checks that a
// tape that has ended stays so. Exit code 0; 1 if words come after the end.
#include "guest_io.h"

static uint32_t chunk[4093];

int hr_guest_main(void) {
    const size_t size = sizeof chunk / sizeof chunk[0];
    size_t got = size;
    while (got == size) {
        got = hr_guest_read(chunk, size);
        hr_guest_write(chunk, got);
    }
    return hr_guest_read(chunk, size) == 0 ? 0 : 1;
}
