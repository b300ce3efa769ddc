/* The trace fillers of the delegation tables as functions that ctypes can call. */
#include "fill_keccak_f.h"
#include "fill_poseidon2.h"

void test_fill_poseidon2(uint64_t *columns, size_t height, size_t rows, const uint32_t *times,
                         const uint32_t *codes, const uint32_t (*words)[HR_FILL_POSEIDON2_WORDS],
                         size_t calls);
void test_fill_keccak_f(uint64_t *columns, size_t height, size_t rows, const uint32_t *times,
                        const uint32_t (*words)[HR_FILL_KECCAK_F_WORDS], size_t calls);

void test_fill_poseidon2(uint64_t *columns, size_t height, size_t rows, const uint32_t *times,
                         const uint32_t *codes, const uint32_t (*words)[HR_FILL_POSEIDON2_WORDS],
                         size_t calls) {
    hr_fill_poseidon2(columns, height, rows, times, codes, words, calls);
}

void test_fill_keccak_f(uint64_t *columns, size_t height, size_t rows, const uint32_t *times,
                        const uint32_t (*words)[HR_FILL_KECCAK_F_WORDS], size_t calls) {
    hr_fill_keccak_f(columns, height, rows, times, words, calls);
}
