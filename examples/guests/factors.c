#include "guest_io.h"

int hr_guest_main(void) {
    uint32_t factors[2];
    hr_guest_read(factors, 2);
    if (factors[0] < 2 || factors[1] < 2) return 1;
    const uint64_t product = (uint64_t)factors[0] * factors[1];
    hr_guest_write((const uint32_t *)&product, 2);
    return 0;
}
