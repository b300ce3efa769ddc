// Hashes of the state tree, by the functions of the core as guests have them.
// Tape:   8 elements: two digests, then a domain, a number of words up to 16, and that many words
// Output: digest of the node above the two, the same put over the first, digest of the leaf
#define HR_GUEST
#include "guest_io.h"

#include "poseidon2_impl.h"

enum { DIGEST_WORDS = 2 * HR_DIGEST_ELEMENTS, LEAF_MAX = 16, EXIT_TOO_LONG = 1 };

int hr_guest_main(void) {
    static hr_digest pair[2], parent;
    static uint64_t leaf[LEAF_MAX];
    struct {
        uint64_t domain, words;
    } head;
    hr_guest_read(pair, 2 * DIGEST_WORDS);
    hr_guest_read(&head, sizeof head / sizeof(uint32_t));
    if (head.words > LEAF_MAX) return EXIT_TOO_LONG;
    hr_guest_read(leaf, 2 * (size_t)head.words);
    hr_compress(&parent, &pair[0], &pair[1]);
    hr_guest_write((const uint32_t *)&parent, DIGEST_WORDS);
    hr_compress(&pair[0], &pair[0], &pair[1]);
    hr_guest_write((const uint32_t *)pair, DIGEST_WORDS);
    hr_hash_words(&parent, head.domain, leaf, (uint32_t)head.words);
    hr_guest_write((const uint32_t *)&parent, DIGEST_WORDS);
    return 0;
}
