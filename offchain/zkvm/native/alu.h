/* Results of the operations, and sub-word access. Every argument is a 32-bit word; signed operands
 * are two's complement. Source: RISC-V unprivileged specification, chapters RV32I and M.
 */
#ifndef HR_ZKVM_ALU_H
#define HR_ZKVM_ALU_H

#include <stdint.h>

#include "executor.h"

enum { HR_SHIFT_MASK = 31 };

/* Returns: a / b rounded towards zero; -1 if b is 0; a if it overflows (-2^31 / -1). */
static inline uint32_t hr_divide(uint32_t a, uint32_t b) {
    if (b == 0) return UINT32_MAX;
    if (b == UINT32_MAX) return 0 - a;
    return (uint32_t)((int32_t)a / (int32_t)b);
}

/* Returns: a - b * hr_divide(a, b): a if b is 0; 0 if the division overflows. */
static inline uint32_t hr_remainder(uint32_t a, uint32_t b) {
    if (b == 0) return a;
    if (b == UINT32_MAX) return 0;
    return (uint32_t)((int32_t)a % (int32_t)b);
}

/* Returns: upper half of a 64-bit product, which is right for signed factors as well. */
static inline uint32_t hr_high(uint64_t a, uint64_t b) {
    return (uint32_t)(a * b >> 32);
}

static inline uint64_t hr_sign_extend(uint32_t a) {
    return (uint64_t)(int64_t)(int32_t)a;
}

/* Returns: the result of an operation of ALU or BRANCH rows. In: op  such an operation */
static inline uint32_t hr_alu(uint32_t op, uint32_t a, uint32_t b) {
    switch (op) {
    case HR_OP_ADD: return a + b;
    case HR_OP_SUB: return a - b;
    case HR_OP_EQ: return a == b;
    case HR_OP_AND: return a & b;
    case HR_OP_OR: return a | b;
    case HR_OP_XOR: return a ^ b;
    case HR_OP_LTU: return a < b;
    case HR_OP_LT: return (int32_t)a < (int32_t)b;
    case HR_OP_SLL: return a << (b & HR_SHIFT_MASK);
    case HR_OP_SRL: return a >> (b & HR_SHIFT_MASK);
    case HR_OP_SRA: return (uint32_t)((int32_t)a >> (b & HR_SHIFT_MASK));
    case HR_OP_MUL: return a * b;
    case HR_OP_MULHU: return hr_high(a, b);
    case HR_OP_MULHSU: return hr_high(hr_sign_extend(a), b);
    case HR_OP_MULH: return hr_high(hr_sign_extend(a), hr_sign_extend(b));
    case HR_OP_DIVU: return b == 0 ? UINT32_MAX : a / b;
    case HR_OP_DIV: return hr_divide(a, b);
    case HR_OP_REMU: return b == 0 ? a : a % b;
    default: return hr_remainder(a, b);
    }
}

/* Returns: bytes of an access. In: op  of a LOAD or STORE row */
static inline uint32_t hr_access_bytes(uint32_t op) {
    switch (op) {
    case HR_OP_LW:
    case HR_OP_SW: return 4;
    case HR_OP_LH:
    case HR_OP_LHU:
    case HR_OP_SH: return 2;
    default: return 1;
    }
}

/* Returns: the register value that a load gives. In: word  the aligned word at address */
static inline uint32_t hr_load(uint32_t op, uint32_t word, uint32_t address) {
    const uint32_t shifted = word >> 8 * (address & 3);
    switch (op) {
    case HR_OP_LW: return word;
    case HR_OP_LH: return (uint32_t)(int16_t)shifted;
    case HR_OP_LHU: return (uint16_t)shifted;
    case HR_OP_LB: return (uint32_t)(int8_t)shifted;
    default: return (uint8_t)shifted;
    }
}

/* Returns: the aligned word after a store. In: word  the one before; value  the register */
static inline uint32_t hr_store(uint32_t op, uint32_t word, uint32_t address, uint32_t value) {
    const uint32_t shift = 8 * (address & 3);
    switch (op) {
    case HR_OP_SW: return value;
    case HR_OP_SH: return (word & ~(0xffffu << shift)) | (value & 0xffffu) << shift;
    default: return (word & ~(0xffu << shift)) | (value & 0xffu) << shift;
    }
}

#endif
