/* Memory of the machine: ROM and RAM of the window, each word with its kind and last timestamp.
 * All arrays span the window but take host memory only where they are touched.
 */
#ifndef HR_ZKVM_MEMORY_H
#define HR_ZKVM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "traps.h"

/* First word index of the window and the first after it: addresses 0x1000 and 0xc0000000. */
#define HR_WINDOW_FIRST 0x400u
#define HR_WINDOW_LIMIT 0x30000000u

typedef enum {
    /* RAM outside the image that no access has touched; zero. */
    HR_WORD_UNTOUCHED = 0,
    HR_WORD_RAM = 1,
    HR_WORD_ROM = 2,
} hr_word_kind;

/* By word index (address / 4), except touched. */
typedef struct {
    uint32_t *values;
    /* hr_word_kind. */
    uint8_t *kinds;
    /* Last timestamps; NULL unless recording. */
    uint32_t *timestamps;
    /* Word indices that were HR_WORD_UNTOUCHED, in the order of their first access. */
    uint32_t *touched;
    uint64_t touched_count;
} hr_memory;

/* Returns: bytes of zeros that take no memory until they are touched, or NULL. */
static inline void *hr_map_lazily(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static inline void hr_unmap(void *at, size_t bytes) {
    if (at) munmap(at, bytes);
}

/* Out: memory, all words untouched. Returns: false if the host has no address space; the memory
 * must be freed all the same. */
static inline bool hr_memory_init(hr_memory *memory, bool is_recording) {
    const size_t words_bytes = (size_t)HR_WINDOW_LIMIT * sizeof(uint32_t);
    *memory = (hr_memory){
        .values = hr_map_lazily(words_bytes),
        .kinds = hr_map_lazily(HR_WINDOW_LIMIT),
        .timestamps = is_recording ? hr_map_lazily(words_bytes) : NULL,
        .touched = hr_map_lazily(words_bytes),
    };
    return memory->values && memory->kinds && memory->touched &&
           (!is_recording || memory->timestamps);
}

static inline void hr_memory_free(hr_memory *memory) {
    const size_t words_bytes = (size_t)HR_WINDOW_LIMIT * sizeof(uint32_t);
    hr_unmap(memory->values, words_bytes);
    hr_unmap(memory->kinds, HR_WINDOW_LIMIT);
    hr_unmap(memory->timestamps, words_bytes);
    hr_unmap(memory->touched, words_bytes);
}

/* Check one access.
 * Returns: HR_TRAP_NONE and then word is in the window; or why the access is refused
 * In: word           index of the word, below 2^30
 *     unmapped_trap  what an access outside the window is
 *     is_rom_refused whether ROM may not be accessed either
 */
static inline hr_trap hr_memory_check(const hr_memory *memory, uint32_t word, hr_trap unmapped_trap,
                                      bool is_rom_refused) {
    if (word - HR_WINDOW_FIRST >= HR_WINDOW_LIMIT - HR_WINDOW_FIRST) return unmapped_trap;
    if (is_rom_refused && memory->kinds[word] == HR_WORD_ROM) return HR_TRAP_STORE_TO_ROM;
    return HR_TRAP_NONE;
}

/* Note that a word of the window is accessed. */
static inline void hr_memory_touch(hr_memory *memory, uint32_t word) {
    if (memory->kinds[word] == HR_WORD_UNTOUCHED) {
        memory->kinds[word] = HR_WORD_RAM;
        memory->touched[memory->touched_count++] = word;
    }
}

/* Set a last timestamp. Returns: the one before */
static inline uint32_t hr_stamp(uint32_t *timestamp, uint32_t now) {
    const uint32_t before = *timestamp;
    *timestamp = now;
    return before;
}

#endif
