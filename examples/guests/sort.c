// Heap sort of words made by a linear congruential generator.
// Tape:   n, at most 2^20; seed
// Output: n, then the FNV-1a hash of the sorted words, a word at a time
// Exit code 1: n is too large; 2: the words came out unsorted
#include "guest_io.h"

enum { WORDS_MAX = 1 << 20 };

static uint32_t words[WORDS_MAX];

// Restores the heap below `parent`, whose children are heaps: no child is above its parent.
static void sift_down(uint32_t parent, uint32_t count) {
    const uint32_t moved = words[parent];
    for (uint32_t child = 2 * parent + 1; child < count; child = 2 * parent + 1) {
        if (child + 1 < count && words[child + 1] > words[child]) child++;
        if (words[child] <= moved) break;
        words[parent] = words[child];
        parent = child;
    }
    words[parent] = moved;
}

static void heap_sort(uint32_t count) {
    for (uint32_t parent = count / 2; parent-- > 0;) sift_down(parent, count);
    for (uint32_t end = count; end-- > 1;) {
        const uint32_t largest = words[0];
        words[0] = words[end];
        words[end] = largest;
        sift_down(0, end);
    }
}

int hr_guest_main(void) {
    struct {
        uint32_t count, seed;
    } tape;
    hr_guest_read(&tape, 2);
    if (tape.count > WORDS_MAX) return 1;
    uint32_t value = tape.seed;
    for (uint32_t i = 0; i < tape.count; i++) {
        value = value * 1664525 + 1013904223; // Numerical Recipes, section 7.1
        words[i] = value;
    }
    heap_sort(tape.count);
    uint32_t hash = 2166136261;
    for (uint32_t i = 0; i < tape.count; i++) {
        if (i > 0 && words[i - 1] > words[i]) return 2;
        hash = (hash ^ words[i]) * 16777619;
    }
    hr_guest_write((const uint32_t[]){tape.count, hash}, 2);
    return 0;
}
