// Does the one thing that the first tape word names, with the second word as its argument. What
// comes back from it ends with exit code 99. Mode CALLS makes as many ecalls as the argument says,
// each from three further tape words: a7, a0, a1.
#include "guest_io.h"

enum {
    MODE_EXIT = 0,
    MODE_ILLEGAL = 1,
    MODE_LOAD = 2,
    MODE_STORE = 3,
    MODE_JUMP = 4,
    MODE_READ_CSR = 5,
    MODE_WAIT = 6,
    MODE_BREAK = 7,
    MODE_CALLS = 8,
    MODE_WRITE_FOR_EVER = 9,
    MODE_SPIN = 10,
    MODE_RECURSE = 11,
};

// Ends by running out of stack; the impossible depth only quiets the compiler's warning.
static uint32_t recurse(uint32_t depth) {
    volatile uint32_t frame[64];
    frame[depth % 64] = depth;
    return depth == UINT32_MAX ? 0 : recurse(depth + 1) + frame[(depth + 1) % 64];
}

static void make_calls(uint32_t count) {
    for (; count != 0; count--) {
        uint32_t call[3];
        hr_guest_read(call, 3);
        hr_guest_ecall(call[0], (const void *)call[1], call[2]);
    }
}

static void misbehave(uint32_t mode, uint32_t argument) {
    uint32_t value = 0;
    switch (mode) {
    case MODE_EXIT: hr_guest_exit(argument);
    case MODE_ILLEGAL: __asm__ volatile(".word 0xffffffff"); break;
    case MODE_LOAD: __asm__ volatile("lw %0, 0(%1)" : "=r"(value) : "r"(argument)); break;
    case MODE_STORE: __asm__ volatile("sw zero, 0(%0)" : : "r"(argument) : "memory"); break;
    case MODE_JUMP: __asm__ volatile("jr %0" : : "r"(argument)); break;
    case MODE_READ_CSR: __asm__ volatile("rdcycle %0" : "=r"(value)); break;
    case MODE_WAIT: __asm__ volatile("wfi"); break;
    case MODE_BREAK: __asm__ volatile("ebreak"); break;
    case MODE_CALLS: make_calls(argument); break;
    case MODE_WRITE_FOR_EVER:
        for (;;) {
            hr_guest_write((const uint32_t *)HR_GUEST_RAM_BASE, 0x10000);
        }
    case MODE_SPIN:
        for (;;) {
            __asm__ volatile("");
        }
    case MODE_RECURSE: hr_guest_exit(recurse(argument));
    default: break;
    }
}

int hr_guest_main(void) {
    uint32_t request[2];
    hr_guest_read(request, 2);
    misbehave(request[0], request[1]);
    return 99;
}
