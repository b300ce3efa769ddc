/* What a guest may ask of the machine that runs it.
 *
 * The machine is plain RV32IM: no CSRs, no compressed instructions, no libc, little-endian,
 * misaligned accesses trap. All traffic with the outside goes through `ecall` with the number of
 * the call in a7, a buffer in a0 and its length in words in a1. Every register keeps its value.
 *
 *   a7                name                a0      a1     effect
 *   93                exit                code    -      halts; only code 0 can be proven
 *   0x100             read                buffer  words  moves the next tape words to the buffer
 *   0x101 + 4096 * i  write               buffer  words  gives public output words i, i + 1, ...
 *   0x110             poseidon2           buffer  16     permutes 8 Goldilocks elements in place
 *   0x111             keccak_f            buffer  50     keccak-f[1600] on 25 lanes in place
 *   0x112             poseidon2_compress  buffer  16     permutes 8 Goldilocks elements in place
 * and adds the first 4 of before to those after
 *
 * A buffer is 4-byte aligned, of 1 to 2^20 words, and lies wholly in RAM outside .text. An element
 * or lane is two words, low half first; an element is below p = 2^64 - 2^32 + 1; lane (x, y) is at
 * x + 5 y. The tape has the words that are asked for. i is below 2^19; each output word is written
 * once, and at the exit none before the last is missing. A breach, and any other value of a7, is
 * a trap: the run has no exit code and no proof.
 *
 * The tape is chosen by the prover: the guest checks everything that it reads. It cannot ask how
 * long the tape is, so the tape says how much follows.
 *
 * A guest defines `int hr_guest_main(void)`; start.S calls it and exits with what it returns.
 */
#ifndef HR_GUEST_IO_H
#define HR_GUEST_IO_H

#include <stddef.h>
#include <stdint.h>

#define HR_ECALL_EXIT               93
#define HR_ECALL_READ               0x100
#define HR_ECALL_WRITE              0x101
#define HR_ECALL_POSEIDON2          0x110
#define HR_ECALL_KECCAK_F           0x111
#define HR_ECALL_POSEIDON2_COMPRESS 0x112

#define HR_ECALL_WORDS_MAX       0x100000u /* words of one call */
#define HR_OUTPUT_INDEX_LOG2     12        /* place of the output index in a7 */
#define HR_ECALL_POSEIDON2_WORDS 16        /* of compress too */
#define HR_ECALL_KECCAK_F_WORDS  50

/* First byte of RAM and the largest RAM a guest may count on; see link.ld. */
#define HR_GUEST_RAM_BASE      0x80000000u
#define HR_GUEST_RAM_MAX_BYTES 0x20000000u

/* Runs the guest.
 * Returns: the exit code, 0 for success.
 */
int hr_guest_main(void);

/* Public output words so far. Weak: all sources of a guest share one counter. */
[[gnu::weak]] uint32_t hr_guest_output_words;

static inline void hr_guest_ecall(uint32_t number, const void *buffer, size_t count) {
    register uintptr_t a0 __asm__("a0") = (uintptr_t)buffer;
    register size_t a1 __asm__("a1") = count;
    register uint32_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : : "r"(a0), "r"(a1), "r"(a7) : "memory");
}

/* Reads the next words of the input tape; the machine traps where the tape is shorter.
 * Out: words  4-byte aligned array of `count` words
 * In:  count  number of words, in as many calls as it takes; none for 0
 */
static inline void hr_guest_read(void *words, size_t count) {
    uint32_t *next = words;
    for (; count > HR_ECALL_WORDS_MAX; count -= HR_ECALL_WORDS_MAX) {
        hr_guest_ecall(HR_ECALL_READ, next, HR_ECALL_WORDS_MAX);
        next += HR_ECALL_WORDS_MAX;
    }
    if (count != 0) hr_guest_ecall(HR_ECALL_READ, next, count);
}

/* Appends words to the public output, which holds 2^19 of them.
 * In:  words  4-byte aligned array of `count` words
 *      count  number of words; no call for 0
 */
static inline void hr_guest_write(const uint32_t *words, size_t count) {
    if (count == 0) return;
    hr_guest_ecall(HR_ECALL_WRITE + (hr_guest_output_words << HR_OUTPUT_INDEX_LOG2), words, count);
    hr_guest_output_words += (uint32_t)count;
}

/* Permutes a Poseidon2 state (headrace/poseidon2.h), as one instruction.
 * In-Out: state  8 elements below p
 */
static inline void hr_guest_poseidon2(uint64_t state[8]) {
    hr_guest_ecall(HR_ECALL_POSEIDON2, state, HR_ECALL_POSEIDON2_WORDS);
}

/* Hashes two digests into that of the node above them, as one instruction.
 * In-Out: state  8 elements below p: left and right digest; then the first 4 are the node's digest,
 *                the others those of the permutation
 */
static inline void hr_guest_poseidon2_compress(uint64_t state[8]) {
    hr_guest_ecall(HR_ECALL_POSEIDON2_COMPRESS, state, HR_ECALL_POSEIDON2_WORDS);
}

/* Does so to two states, one after the other, with less between them than two calls have. */
static inline void hr_guest_poseidon2_compress_two(uint64_t first[8], uint64_t second[8]) {
    register uintptr_t a0 __asm__("a0") = (uintptr_t)first;
    register size_t a1 __asm__("a1") = HR_ECALL_POSEIDON2_WORDS;
    register uint32_t a7 __asm__("a7") = HR_ECALL_POSEIDON2_COMPRESS;
    __asm__ volatile("ecall\n\tmv a0, %3\n\tecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a7), "r"(second)
                     : "memory");
}

/* Applies keccak-f[1600], as one instruction.
 * In-Out: lanes  25 lanes, (x, y) at x + 5 y
 */
static inline void hr_guest_keccak_f(uint64_t lanes[25]) {
    hr_guest_ecall(HR_ECALL_KECCAK_F, lanes, HR_ECALL_KECCAK_F_WORDS);
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
