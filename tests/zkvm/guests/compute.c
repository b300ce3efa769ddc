// Tape: a count, then as many words w[i]. Reads them in chunks and writes: the count, the 64-bit
// sum (low, high), the 64-bit sum of squares (low, high), sum / count and sum % count (low words),
// the signed sum of w[i] / -7, the xor of byte-reversed words, and the FNV-1a hash of the bytes.
// Ends with exit code 0.
#include "guest_io.h"

enum { CHUNK_WORDS = 1024 };

static uint32_t chunk[CHUNK_WORDS];

static uint32_t reverse_bytes(uint32_t word) {
    const unsigned char *bytes = (const unsigned char *)&word;
    return ((uint32_t)bytes[0] << 24) | ((uint32_t)bytes[1] << 16) | ((uint32_t)bytes[2] << 8) |
           bytes[3];
}

int hr_guest_main(void) {
    uint32_t count;
    uint64_t sum = 0;
    uint64_t squares = 0;
    uint32_t quotients = 0;
    uint32_t reversed = 0;
    uint32_t hash = 2166136261u;
    hr_guest_read(&count, 1);
    for (uint32_t done = 0; done < count; done += CHUNK_WORDS) {
        const uint32_t got = count - done < CHUNK_WORDS ? count - done : CHUNK_WORDS;
        hr_guest_read(chunk, got);
        for (size_t i = 0; i < got; i++) {
            const unsigned char *bytes = (const unsigned char *)&chunk[i];
            sum += chunk[i];
            squares += (uint64_t)chunk[i] * chunk[i];
            quotients += (uint32_t)((int32_t)chunk[i] / -7);
            reversed ^= reverse_bytes(chunk[i]);
            for (size_t b = 0; b < 4; b++) {
                hash = (hash ^ bytes[b]) * 16777619u;
            }
        }
    }
    const uint64_t divisor = count == 0 ? 1 : count;
    const uint32_t output[] = {
        count,
        (uint32_t)sum,
        (uint32_t)(sum >> 32),
        (uint32_t)squares,
        (uint32_t)(squares >> 32),
        (uint32_t)(sum / divisor),
        (uint32_t)(sum % divisor),
        quotients,
        reversed,
        hash,
    };
    hr_guest_write(output, sizeof output / sizeof output[0]);
    return 0;
}
