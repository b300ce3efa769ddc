// Fibonacci numbers: the shortest guest.
// Tape:   n
// Output: n, then F(n) mod 2^32, with F(0) = 0 and F(1) = 1
#include "guest_io.h"

int hr_guest_main(void) {
    uint32_t n, current = 0, next = 1;
    hr_guest_read(&n, 1);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t sum = current + next;
        current = next;
        next = sum;
    }
    hr_guest_write((const uint32_t[]){n, current}, 2);
    return 0;
}
