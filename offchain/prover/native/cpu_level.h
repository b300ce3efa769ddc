/* Which of the three libraries the CPU at hand can run.
 *
 * By CPUID (Intel SDM 1, 14.3 and 15.2; the feature sets are those of the x86-64 psABI):
 * clang as shipped in ziglang 0.17 folds __builtin_cpu_supports to false.
 */
#ifndef HEADRACE_PROVER_CPU_LEVEL_H
#define HEADRACE_PROVER_CPU_LEVEL_H

#include <stdint.h>

#include "vec.h"

enum { HR_LEVEL_PORTABLE = 0, HR_LEVEL_AVX2 = 1, HR_LEVEL_AVX512 = 2 };

#if defined(__x86_64__)

#include <cpuid.h>

/* XCR0: which register files the operating system saves. */
static inline uint32_t hr_saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* To be asked of the portable library only: the others may not run.
 *
 * Returns: HR_LEVEL_AVX512 on x86-64-v4, HR_LEVEL_AVX2 on x86-64-v3, else HR_LEVEL_PORTABLE
 */
HR_EXPORT int hr_cpu_level(void) {
    const uint32_t leaf1_v3 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
    const uint32_t leaf7_v3 = bit_AVX2 | bit_BMI | bit_BMI2;
    const uint32_t leaf7_v4 =
        bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    const uint32_t saves_ymm = 0x06, saves_zmm = 0xe6;
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1_v3) != leaf1_v3) return HR_LEVEL_PORTABLE;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & bit_LZCNT)) return HR_LEVEL_PORTABLE;
    const uint32_t saved = hr_saved_registers();
    if ((saved & saves_ymm) != saves_ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        (b & leaf7_v3) != leaf7_v3) {
        return HR_LEVEL_PORTABLE;
    }
    const bool is_v4 = (b & leaf7_v4) == leaf7_v4 && (saved & saves_zmm) == saves_zmm;
    return is_v4 ? HR_LEVEL_AVX512 : HR_LEVEL_AVX2;
}

#else

HR_EXPORT int hr_cpu_level(void) {
    return HR_LEVEL_PORTABLE;
}

#endif

#endif
