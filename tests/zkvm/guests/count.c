// Runs a loop of two instructions as often as the first tape word says (at least once), and then
// exits with code 0: the cost of one more round is known exactly.
#include "guest_io.h"

int hr_guest_main(void) {
    uint32_t rounds;
    hr_guest_read(&rounds, 1);
    __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(rounds));
    return 0;
}
