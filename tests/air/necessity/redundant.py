"""Constraints without a witness, each with the reason.

Each follows from all the others, or would need an output that nobody can find. Some follow from
each other, so that they cannot all be deleted: "first rows are used" and "last rows are used", or
the flags of a transfer's row.
"""

_TWO_FLAGS = (
    "with flags of 0 and 1, two of them give an operation number that no instruction has, so that"
    " nobody sends the row's operation"
)
_CHAIN = (
    "by induction along the rows from row 0: a row that is not first is used iff the row before"
    " is and is not last; first and last rows are used"
)

REDUNDANT: dict[tuple[str, str], str] = {
    ("cpu", "is_write is 0 or 1"): (
        "the accesses of a register form a tree, from its initial to its one final tuple, in which"
        " every access has its own timestamp; so it is a path, on which every access counts once"
    ),
    ("cpu", "is_exit is 0 or 1"): (
        "the row sends its next pc and its operation 1 - is_exit times; nobody takes call 93, so"
        " that the operation is sent 0 times, or is_exit is 0"
    ),
    ("bitwise", "at most one operation"): _TWO_FLAGS,
    ("arith", "at most one operation"): _TWO_FLAGS,
    ("memory", "at most one instruction"): _TWO_FLAGS,
    ("transfer", "is_used is 0 or 1"): _CHAIN,
    ("transfer", "is_first is 0 or 1"): _CHAIN,
    ("transfer", "is_last is 0 or 1"): _CHAIN,
    ("transfer", "first rows are used"): (
        "a first row that is not used needs a row before that is last and not used"
    ),
    ("transfer", "last rows are used"): (
        "after a last row that is not used stands a first row that is not used"
    ),
    ("transfer", "is_read is 0 or 1"): (
        "words are sent 1 - is_read times, those before a call twice as often; only the words of"
        " read calls have its number, and nobody takes them from the link bus"
    ),
    ("transfer", "is_write is 0 or 1"): (
        "a word before is sent 2 - is_write and the word after 1 - is_write times, but delegations"
        " take the first twice as often as the second, and the verifier takes only words of link"
        " code 0"
    ),
    ("transfer", "is_read goes on"): (
        "is_read needs the number of the call, which goes on, and nobody takes words of that number"
    ),
    ("transfer", "writes are used rows"): (
        "an unused row that writes takes a word after from link code 0, where nobody sends one"
    ),
    **{
        ("keccak_f", f"c_{x} is 0 or 1"): (
            "the only sender of a parity's bit is c, the only receiver is rc, which is 0 or 1"
        )
        for x in range(5)
    },
    **{
        ("keccak_f", f"d_{x} is 0 or 1"): "d is the square of a difference of bits, or 0"
        for x in range(5)
    },
    ("keccak_f", "iota is 0 or 1"): "iota is the square of the difference of the bits q and b_0",
    ("keccak_f", "is_out is 0 or 1"): (
        "the words of an output block are taken from side is_out of the link bus, which has sides"
        " 0 and 1 only"
    ),
    ("keccak_f", "is_last is 0 or 1"): (
        "a bit of the output is sent is_last times and taken once; the sum of is_last over the rows"
        " is their number, so that only rows of the output without any bit are free, and nothing"
        " depends on them"
    ),
    ("keccak_f", "is_chi is 0 or 1"): (
        "by the presence terms only an output block of step 24 could have is_chi = -1, beside two"
        " chi blocks of that step; chi must hold on its rows, where a is 0, so that it would need"
        " an output whose words have no bit below 25"
    ),
}
