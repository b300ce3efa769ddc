# Entry point of every guest. On entry all registers are zero and RAM holds the image, so only
# the stack pointer is set. The value that hr_guest_main returns is the exit code.

    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    lui     sp, %hi(__stack_top)
    addi    sp, sp, %lo(__stack_top)
    call    hr_guest_main
    li      a7, 93                  # HR_ECALL_EXIT in guest_io.h
    ecall
    unimp                           # exit does not return; a machine that returns traps here
    .size _start, . - _start
