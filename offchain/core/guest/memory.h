/* memcpy and memset as the compiler calls them, by whole words where both ends allow it: the ones
 * of its own library go byte by byte. */
#ifndef HEADRACE_GUEST_MEMORY_H
#define HEADRACE_GUEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) hr_memory_word;

enum { HR_MEMORY_UNROLL = 8 }; /* words of one turn */

__attribute__((no_builtin("memset"))) void *memset(void *at, int byte, size_t count) {
    uint8_t *to = at;
    if ((uintptr_t)to % sizeof(hr_memory_word) == 0) {
        const uint32_t word = (uint8_t)byte * 0x01010101u;
        hr_memory_word *words = at;
        for (; count >= HR_MEMORY_UNROLL * sizeof word; count -= HR_MEMORY_UNROLL * sizeof word) {
            for (int i = 0; i < HR_MEMORY_UNROLL; i++) words[i] = word;
            words += HR_MEMORY_UNROLL;
        }
        for (; count >= sizeof word; count -= sizeof word) *words++ = word;
        to = (uint8_t *)words;
    }
    while (count-- > 0) *to++ = (uint8_t)byte;
    return at;
}

__attribute__((no_builtin("memcpy"))) void *memcpy(void *restrict at, const void *restrict from,
                                                   size_t count) {
    uint8_t *to = at;
    const uint8_t *bytes = from;
    if (((uintptr_t)to | (uintptr_t)bytes) % sizeof(hr_memory_word) == 0) {
        hr_memory_word *words = at;
        const hr_memory_word *source = from;
        for (; count >= HR_MEMORY_UNROLL * sizeof *words;
             count -= HR_MEMORY_UNROLL * sizeof *words) {
            for (int i = 0; i < HR_MEMORY_UNROLL; i++) words[i] = source[i];
            words += HR_MEMORY_UNROLL;
            source += HR_MEMORY_UNROLL;
        }
        for (; count >= sizeof *words; count -= sizeof *words) *words++ = *source++;
        to = (uint8_t *)words;
        bytes = (const uint8_t *)source;
    }
    while (count-- > 0) *to++ = *bytes++;
    return at;
}

#endif
