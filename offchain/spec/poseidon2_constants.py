"""Constants of the Poseidon2 permutation over Goldilocks, width 8.

The one place where they are written; ``offchain.tools.gen_poseidon2`` makes the C header from it.

Source: HorizenLabs/poseidon2, plain_implementations, ``poseidon2_instance_goldilocks.rs``
(``RC8``, ``MAT_DIAG8_M_1``, ``POSEIDON2_GOLDILOCKS_8_PARAMS``), the reference implementation of
Grassi, Khovratovich, Schofnegger: "Poseidon2", https://eprint.iacr.org/2023/323. Plonky3 carries
the same round constants as ``HL_GOLDILOCKS_8_*``.
"""

from typing import Final

POSEIDON2_WIDTH: Final = 8
POSEIDON2_RATE: Final = 4
"""Words absorbed by one permutation; the other 4 elements are the capacity (256 bits)."""

POSEIDON2_SBOX_DEGREE: Final = 7
"""The smallest d with gcd(d, p - 1) = 1."""

POSEIDON2_HALF_FULL_ROUNDS: Final = 4
"""Full rounds before, and again after, the partial rounds."""

POSEIDON2_PARTIAL_ROUNDS: Final = 22

POSEIDON2_M4: Final[tuple[tuple[int, ...], ...]] = (
    (5, 7, 1, 3),
    (4, 6, 1, 1),
    (1, 3, 5, 7),
    (1, 1, 4, 6),
)
"""The 4x4 matrix of the paper (section 5.1) and of HorizenLabs; Plonky3 calls it ``HLMDSMat4``.

It is not Plonky3's ``MDSMat4`` = circ(2, 3, 1, 1), which gives another permutation.
"""

POSEIDON2_DIAG_MINUS_1: Final[tuple[int, ...]] = (
    0xA98811A1FED4E3A5,
    0x1CC48B54F377E2A0,
    0xE40CD4F6C5609A26,
    0x11DE79EBCA97A4A3,
    0x9177C73D8B7E929C,
    0x2A6FE8085797E791,
    0x3DE6E93329F8D5AD,
    0x3F7AF9125DA962FE,
)
"""d of the internal matrix: all ones plus diag(d)."""

POSEIDON2_RC_EXTERNAL: Final[tuple[tuple[int, ...], ...]] = (
    (
        0xDD5743E7F2A5A5D9,
        0xCB3A864E58ADA44B,
        0xFFA2449ED32F8CDC,
        0x42025F65D6BD13EE,
        0x7889175E25506323,
        0x34B98BB03D24B737,
        0xBDCC535ECC4FAA2A,
        0x5B20AD869FC0D033,
    ),
    (
        0xF1DDA5B9259DFCB4,
        0x27515210BE112D59,
        0x4227D1718C766C3F,
        0x26D333161A5BD794,
        0x49B938957BF4B026,
        0x4A56B5938B213669,
        0x1120426B48C8353D,
        0x6B323C3F10A56CAD,
    ),
    (
        0xCE57D6245DDCA6B2,
        0xB1FC8D402BBA1EB1,
        0xB5C5096CA959BD04,
        0x6DB55CD306D31F7F,
        0xC49D293A81CB9641,
        0x1CE55A4FE979719F,
        0xA92E60A9D178A4D1,
        0x002CC64973BCFD8C,
    ),
    (
        0xCEA721CCE82FB11B,
        0xE5B55EB8098ECE81,
        0x4E30525C6F1DDD66,
        0x43C6702827070987,
        0xACA68430A7B5762A,
        0x3674238634DF9C93,
        0x88CEE1C825E33433,
        0xDE99AE8D74B57176,
    ),
    (
        0x014EF1197D341346,
        0x9725E20825D07394,
        0xFDB25AEF2C5BAE3B,
        0xBE5402DC598C971E,
        0x93A5711F04CDCA3D,
        0xC45A9A5B2F8FB97B,
        0xFE8946A924933545,
        0x2AF997A27369091C,
    ),
    (
        0xAA62C88E0B294011,
        0x058EB9D810CE9F74,
        0xB3CB23ECED349AE4,
        0xA3648177A77B4A84,
        0x43153D905992D95D,
        0xF4E2A97CDA44AA4B,
        0x5BAA2702B908682F,
        0x082923BDF4F750D1,
    ),
    (
        0x98AE09A325893803,
        0xF8A6475077968838,
        0xCEB0735BF00B2C5F,
        0x0A1A5D953888E072,
        0x2FCB190489F94475,
        0xB5BE06270DEC69FC,
        0x739CB934B09ACF8B,
        0x537750B75EC7F25B,
    ),
    (
        0xE9DD318BAE1F3961,
        0xF7462137299EFE1A,
        0xB1F6B8EEE9ADB940,
        0xBDEBCC8A809DFE6B,
        0x40FC1F791B178113,
        0x3AC1C3362D014864,
        0x9A016184BDB8AEBA,
        0x95F2394459FBC25E,
    ),
)
"""Round constants of the 8 full rounds, one row of 8 each."""

POSEIDON2_RC_INTERNAL: Final[tuple[int, ...]] = (
    0x488897D85FF51F56,
    0x1140737CCB162218,
    0xA7EEB9215866ED35,
    0x9BD2976FEE49FCC9,
    0xC0C8F0DE580A3FCC,
    0x4FB2DAE6EE8FC793,
    0x343A89F35F37395B,
    0x223B525A77CA72C8,
    0x56CCB62574AAA918,
    0xC4D507D8027AF9ED,
    0xA080673CF0B7E95C,
    0xF0184884EB70DCF8,
    0x044F10B0CB3D5C69,
    0xE9E3F7993938F186,
    0x1B761C80E772F459,
    0x606CEC607A1B5FAC,
    0x14A0C2E1D45F03CD,
    0x4EACE8855398574F,
    0xF905CA7103EFF3E6,
    0xF8C8F8D20862C059,
    0xB524FE8BDD678E5A,
    0xFBB7865901A1EC41,
)
"""Round constants of the 22 partial rounds, added to element 0 only."""
