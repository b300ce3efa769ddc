/* What a guest may ask of the machine that runs it.
 *
 * The machine is plain RV32IM: no CSRs, no compressed instructions, no libc, little-endian,
 * misaligned accesses trap. All traffic with the outside goes through `ecall` with the number of
 * the call in a7; registers other than a0 keep their value.
 *
 *   a7     name   a0 in     a1 in    a0 out       effect
 *   93     exit   code      -        -            halts; only code 0 can be proven
 *   0x100  read   buffer    words    words read   moves the next tape words to the buffer
 *   0x101  write  buffer    words    unchanged    appends words to the public output
 *
 * A buffer is 4-byte aligned and lies wholly inside RAM; for `read` it does not touch .text. Zero
 * words are allowed, with a buffer that meets the same rules. A breach, and any other value of
 * a7, is a trap: the run has no exit code and no proof.
 *
 * The tape is chosen by the prover: the guest checks everything that it reads. The read is short
 * only where the tape ends, and then 0 for ever after.
 *
 * A guest defines `int hr_guest_main(void)`; start.S calls it and exits with what it returns.
 */
#ifndef HR_GUEST_IO_H
#define HR_GUEST_IO_H

#include <stddef.h>
#include <stdint.h>

#define HR_ECALL_EXIT  93
#define HR_ECALL_READ  0x100
#define HR_ECALL_WRITE 0x101

/* First byte of RAM and the largest RAM a guest may count on; see link.ld. */
#define HR_GUEST_RAM_BASE      0x80000000u
#define HR_GUEST_RAM_MAX_BYTES 0x20000000u

/* Runs the guest.
 * Returns: the exit code, 0 for success.
 */
int hr_guest_main(void);

/* Reads the next words of the input tape.
 * Returns: number of words read, fewer than `count` only where the tape ends.
 * Out: words  4-byte aligned array of `count` words, of which the first `returned` are written
 * In:  count  number of words asked for
 */
static inline size_t hr_guest_read(uint32_t *words, size_t count) {
    register uintptr_t a0 __asm__("a0") = (uintptr_t)words;
    register size_t a1 __asm__("a1") = count;
    register uint32_t a7 __asm__("a7") = HR_ECALL_READ;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
    return (size_t)a0;
}

/* Appends words to the public output.
 * In:  words  4-byte aligned array of `count` words
 *      count  number of words
 */
static inline void hr_guest_write(const uint32_t *words, size_t count) {
    register uintptr_t a0 __asm__("a0") = (uintptr_t)words;
    register size_t a1 __asm__("a1") = count;
    register uint32_t a7 __asm__("a7") = HR_ECALL_WRITE;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
}

/* Halts the machine.
 * In:  code  exit code, 0 for success
 */
[[noreturn]] static inline void hr_guest_exit(uint32_t code) {
    register uint32_t a0 __asm__("a0") = code;
    register uint32_t a7 __asm__("a7") = HR_ECALL_EXIT;
    __asm__ volatile("ecall" : : "r"(a0), "r"(a7) : "memory");
    __builtin_unreachable();
}

#endif
