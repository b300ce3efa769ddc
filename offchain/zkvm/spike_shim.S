# Entry points of the shim under which Spike runs guests (spike_shim.c): start in machine mode,
# into the guest in user mode, and back at each of its traps. The guest's instructions are counted
# by minstret, which stands still while the shim works.

    .equ    COUNT_NO_INSTRUCTIONS, 4        # mcountinhibit.IR
    .equ    FRAME_BYTES, 128                # x0 to x31; keeps the stack 16-byte aligned
    .equ    SP_OFFSET, 8

    .section .text.start, "ax", @progbits
    .globl _start
_start:
    csrwi   mcountinhibit, COUNT_NO_INSTRUCTIONS
    la      t0, trap_entry
    csrw    mtvec, t0
    la      sp, __stack_top - FRAME_BYTES
    csrw    mscratch, sp
    call    hr_shim_boot
    csrw    minstret, zero
    csrw    minstreth, zero
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
               23, 24, 25, 26, 27, 28, 29, 30, 31
    li      x\n, 0
    .endr
    csrwi   mcountinhibit, 0
    mret

    .balign 4
trap_entry:
    csrwi   mcountinhibit, COUNT_NO_INSTRUCTIONS
    csrrw   sp, mscratch, sp                # sp = frame, mscratch = the guest's sp
    .irp    n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
               23, 24, 25, 26, 27, 28, 29, 30, 31
    sw      x\n, 4 * \n(sp)
    .endr
    csrrw   t0, mscratch, sp
    sw      t0, SP_OFFSET(sp)
    mv      a0, sp
    call    hr_shim_trap                    # returns only after a call that was carried out
    csrr    t0, mepc
    addi    t0, t0, 4
    csrw    mepc, t0
    .irp    n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
               23, 24, 25, 26, 27, 28, 29, 30, 31
    lw      x\n, 4 * \n(sp)
    .endr
    lw      sp, SP_OFFSET(sp)
    csrwi   mcountinhibit, 0
    mret
