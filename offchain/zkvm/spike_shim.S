# Machine-mode shim that makes Spike behave as the zkVM does towards a guest (guest_io.h). Spike
# loads it beside the unchanged guest ELF; the guest then runs in user mode, where CSRs, wfi and
# any access outside its RAM trap, and its ecalls end up here.
#
# Standard input:  job header of 8 words, then the tape.
#   entry pc, start of RAM, start of .text, end of .text, end of RAM, three zero words
# Standard output: report of 16 words, then the public output.
#   magic, kind, code, pc, value, output bytes, ecalls, 0, instret low, instret high, six zeros
#   kind 0 exit      code = exit code
#        1 trap      code = mcause, value = mtval
#        2 bad call  code = a7, value = a0
#        3 bad buffer, 4 output full: likewise
# Both go through HTIF, Spike's host interface (a request block whose address is put in tohost).

    .equ    REPORT_MAGIC, 0x48524750
    .equ    KIND_EXIT, 0
    .equ    KIND_TRAP, 1
    .equ    KIND_BAD_CALL, 2
    .equ    KIND_BAD_BUFFER, 3
    .equ    KIND_OUTPUT_FULL, 4
    .equ    CAUSE_ECALL_FROM_USER, 8
    .equ    CALL_EXIT, 93
    .equ    CALL_READ, 0x100
    .equ    CALL_WRITE, 0x101
    .equ    HOST_READ, 63
    .equ    HOST_WRITE, 64
    .equ    STDIN_PIECE_BYTES, 0x10000      # a pipe holds no more; Spike clears as much per call
    .equ    JOB_BYTES, 32
    .equ    REPORT_BYTES, 64
    .equ    COUNT_NO_INSTRUCTIONS, 4        # mcountinhibit.IR
    .equ    MSTATUS_TW, 1 << 21             # wfi in user mode traps
    # pmpcfg0: entry 0 off, 1 RW (stack), 2 RX (.text), 3 RW (the rest); all top-of-range
    .equ    PMP_GUEST, 0x0b0d0b00

# Offsets in the state block.
    .equ    SAVED_T0, 0
    .equ    SAVED_T1, 4
    .equ    SAVED_T2, 8
    .equ    SAVED_T3, 12
    .equ    RAM_START, 16
    .equ    RAM_END, 20
    .equ    TEXT_START, 24
    .equ    TEXT_END, 28
    .equ    TAPE_NEXT, 32
    .equ    TAPE_END, 36
    .equ    OUTPUT_NEXT, 40
    .equ    CALLS, 44

    .text
    .globl _start
_start:
    csrwi   mcountinhibit, COUNT_NO_INSTRUCTIONS
    la      t0, trap_entry
    csrw    mtvec, t0
    la      s0, __stdin_start
    mv      s1, s0
1:                                          # the runner limits the tape, so this ends in time
    li      a0, HOST_READ
    li      a1, 0
    mv      a2, s1
    li      a3, STDIN_PIECE_BYTES
    call    host_call
    add     s1, s1, a0
    bgtz    a0, 1b

    la      t0, state
    addi    t1, s0, JOB_BYTES
    sw      t1, TAPE_NEXT(t0)
    sw      s1, TAPE_END(t0)
    la      t1, __output_start
    sw      t1, OUTPUT_NEXT(t0)
    csrw    mscratch, t0

    lw      t1, 0(s0)
    csrw    mepc, t1
    lw      t1, 4(s0)
    sw      t1, RAM_START(t0)
    srli    t1, t1, 2
    csrw    pmpaddr0, t1
    lw      t1, 8(s0)
    sw      t1, TEXT_START(t0)
    srli    t1, t1, 2
    csrw    pmpaddr1, t1
    lw      t1, 12(s0)
    sw      t1, TEXT_END(t0)
    srli    t1, t1, 2
    csrw    pmpaddr2, t1
    lw      t1, 16(s0)
    sw      t1, RAM_END(t0)
    srli    t1, t1, 2
    csrw    pmpaddr3, t1
    li      t1, PMP_GUEST
    csrw    pmpcfg0, t1
    li      t1, MSTATUS_TW                  # MPP = 0: mret enters user mode
    csrw    mstatus, t1
    csrw    minstret, zero
    csrw    minstreth, zero

    .irp    reg, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, \
                 x18, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30, x31
    li      \reg, 0
    .endr
    csrwi   mcountinhibit, 0
    mret

    .balign 4
trap_entry:
    csrwi   mcountinhibit, COUNT_NO_INSTRUCTIONS
    csrrw   sp, mscratch, sp                # sp = state, mscratch = the guest's sp
    sw      t0, SAVED_T0(sp)
    sw      t1, SAVED_T1(sp)
    sw      t2, SAVED_T2(sp)
    sw      t3, SAVED_T3(sp)
    csrr    t0, mcause
    li      t1, CAUSE_ECALL_FROM_USER
    bne     t0, t1, guest_trap
    lw      t0, CALLS(sp)
    addi    t0, t0, 1
    sw      t0, CALLS(sp)
    li      t0, CALL_EXIT
    beq     a7, t0, guest_exit
    li      t0, CALL_READ
    beq     a7, t0, check_buffer
    li      t0, CALL_WRITE
    bne     a7, t0, bad_call

check_buffer:                               # leaves the buffer's end in t1
    andi    t0, a0, 3
    bnez    t0, bad_buffer
    lw      t0, RAM_START(sp)
    bltu    a0, t0, bad_buffer
    lw      t0, RAM_END(sp)
    bltu    t0, a0, bad_buffer
    sub     t0, t0, a0
    srli    t0, t0, 2
    bltu    t0, a1, bad_buffer
    slli    t1, a1, 2
    add     t1, t1, a0
    li      t0, CALL_WRITE
    beq     a7, t0, write_words

read_words:
    lw      t0, TEXT_START(sp)
    bleu    t1, t0, 1f
    lw      t0, TEXT_END(sp)
    bltu    a0, t0, bad_buffer
1:
    lw      t0, TAPE_NEXT(sp)
    lw      t2, TAPE_END(sp)
    mv      t3, a0
2:
    beq     t3, t1, 3f
    beq     t0, t2, 3f
    lw      a0, 0(t0)
    sw      a0, 0(t3)
    addi    t0, t0, 4
    addi    t3, t3, 4
    j       2b
3:
    lw      a0, TAPE_NEXT(sp)
    sw      t0, TAPE_NEXT(sp)
    sub     a0, t0, a0
    srli    a0, a0, 2
    j       resume

write_words:
    lw      t0, OUTPUT_NEXT(sp)
    la      t2, __output_end
    sub     t2, t2, t0
    sub     t3, t1, a0
    bltu    t2, t3, output_full
    mv      t2, a0
1:
    beq     t2, t1, 2f
    lw      t3, 0(t2)
    sw      t3, 0(t0)
    addi    t2, t2, 4
    addi    t0, t0, 4
    j       1b
2:
    sw      t0, OUTPUT_NEXT(sp)

resume:
    csrr    t0, mepc
    addi    t0, t0, 4
    csrw    mepc, t0
    lw      t0, SAVED_T0(sp)
    lw      t1, SAVED_T1(sp)
    lw      t2, SAVED_T2(sp)
    lw      t3, SAVED_T3(sp)
    csrrw   sp, mscratch, sp
    csrwi   mcountinhibit, 0
    mret

guest_exit:
    li      a3, KIND_EXIT
    mv      a4, a0
    li      a5, 0
    j       report
guest_trap:
    li      a3, KIND_TRAP
    csrr    a4, mcause
    csrr    a5, mtval
    j       report
bad_call:
    li      a3, KIND_BAD_CALL
    j       report_call
output_full:
    li      a3, KIND_OUTPUT_FULL
    j       report_call
bad_buffer:
    li      a3, KIND_BAD_BUFFER
report_call:
    mv      a4, a7
    mv      a5, a0

report:                                     # a3 kind, a4 code, a5 value; does not return
    la      s0, __output_start
    lw      s1, OUTPUT_NEXT(sp)
    sub     s1, s1, s0
    lw      t1, CALLS(sp)
    la      t0, report_block
    sw      a3, 4(t0)
    sw      a4, 8(t0)
    csrr    t2, mepc
    sw      t2, 12(t0)
    sw      a5, 16(t0)
    sw      s1, 20(t0)
    sw      t1, 24(t0)
    csrr    t2, minstret
    sw      t2, 32(t0)
    csrr    t2, minstreth
    sw      t2, 36(t0)
    mv      a2, t0
    li      a3, REPORT_BYTES
    call    host_write_all
    mv      a2, s0
    mv      a3, s1
    call    host_write_all
    la      t0, tohost
    li      t1, 1                           # HTIF: end of the simulation, status 0
    sw      t1, 0(t0)
1:
    j       1b

# Writes a3 bytes at a2 to standard output; the runner notices if the host takes fewer.
host_write_all:
    li      a0, HOST_WRITE
    li      a1, 1

# One HTIF request. In: a0 number, a1..a3 arguments. Out: a0 result. Changes t0, t1.
host_call:
    la      t0, host_request                # eight 64-bit words; the high halves stay zero
    sw      a0, 0(t0)
    sw      a1, 8(t0)
    sw      a2, 16(t0)
    sw      a3, 24(t0)
    fence
    la      t1, tohost
    sw      t0, 0(t1)
    la      t1, fromhost
1:
    lw      a0, 0(t1)
    beqz    a0, 1b
    sw      zero, 0(t1)
    lw      a0, 0(t0)
    ret

    .data
    .balign 64
host_request:
    .zero   64
report_block:
    .word   REPORT_MAGIC
    .zero   REPORT_BYTES - 4
    .globl  tohost
    .globl  fromhost
    .balign 64
tohost:
    .dword  0
    .balign 64
fromhost:
    .dword  0
    .balign 64
state:
    .zero   64
