"""Proofs that the contract of state proofs refuses, whatever nodes it has verified before."""

from __future__ import annotations

from functools import cache
from random import Random
from struct import pack_into

from offchain.settlement.rebuild import cached_hasher
from offchain.settlement.state_proofs import StateProofs
from offchain.spec.kinds import Subtree
from offchain.spec.records import Position
from offchain.spec.state import account_index as index_of
from offchain.spec.state import create_account, genesis, position_index
from tests.onchain.evm import Evm
from tests.onchain.refusals import refused

TRADERS = range(32, 32 * 7, 32)
MISFIT, OVERFLOWING = 32 * 7, 32 * 8  # accounts whose records do not fit their layout
FREE_OF_QUOTE, OWNER = 48, 176  # offsets in an account's record; a word of the owner has 7 bytes
CONFIG_HASH, GOVERNANCE = b"\x11" * 32, b"\x22" * 20
ZERO = bytes(32)


@cache
def proofs() -> StateProofs:
    """Return the tree of a state with a few accounts and positions, two of them malformed."""
    state = genesis(CONFIG_HASH, GOVERNANCE, cached_hasher())
    for trader in TRADERS:
        create_account(state, trader, trader.to_bytes(20, "big"))
        state.edit_account(trader).positions_used = 1
        state.positions.replace(position_index(trader, 0), Position(market_plus_1=1, size_lots=5))
    leaves = {(subtree, number): data for subtree, number, data in state.leaves()}
    for account_id, offset, value in (
        (MISFIT, OWNER, 1 << 56),
        (OVERFLOWING, FREE_OF_QUOTE, 1 << 63),
    ):
        record = bytearray(leaves[Subtree.ACCOUNTS, index_of(TRADERS[0])])
        pack_into("<Q", record, offset, value)
        leaves[Subtree.ACCOUNTS, index_of(account_id)] = bytes(record)
    return StateProofs(((s, n, data) for (s, n), data in leaves.items()), cached_hasher())


class WrongProofs:
    """A contract that is shown right proofs and wrong ones."""

    def __init__(self, evm: Evm) -> None:
        self.contract = evm.deploy("StateProofs")
        self.proofs = proofs()

    def prove(self, rng: Random) -> None:
        """Prove an account and its positions, along what is known."""
        index = index_of(rng.choice(TRADERS))
        account, positions = (
            self.proofs.record(Subtree.ACCOUNTS, index),
            self.proofs.positions(index),
        )
        root, path = self.proofs.root, account.path.up_to(self._is_known).siblings
        self.contract.call("verify_account", root, index, account.record, path)
        path = positions.path.up_to(self._is_known).siblings
        held = (positions.slots, positions.records)
        self.contract.call("verify_positions", root, index, *held, path)

    def make_all(self, rng: Random) -> None:
        """Prove what is not so, of a random account."""
        call, root = self.contract.call, self.proofs.root
        index = index_of(rng.choice(TRADERS))
        record = self.proofs.record(Subtree.ACCOUNTS, index)
        path = record.path.siblings
        high = bytes(FREE_OF_QUOTE) + b"\xff" * 8 + record.record[FREE_OF_QUOTE + 8 :]
        other = bytearray(record.record)
        other[rng.randrange(4)] ^= 1
        verify = (call, "verify_account", root)
        refused("R01", *verify, index, high, path)
        refused("R02", *verify, index + 2**22, record.record, path)
        refused("R04", *verify, index, record.record, path[:25])
        refused("R05", *verify, index, bytes(other), path)
        refused("R05", *verify, index, record.record, [*path[:-1], ZERO])
        refused("R07", *verify, index, record.record[:-8], path)
        header = self.proofs.record(Subtree.HEADER, 0)
        longer = [*header.path.siblings, ZERO]
        refused("R03", call, "verify_header", root, header.record, longer)
        refused("R06", call, "is_record", root, Subtree.POSITIONS, index, bytes(64), path)
        for code, account_id in (("R08", MISFIT), ("R09", OVERFLOWING)):
            wrong = self.proofs.record(Subtree.ACCOUNTS, index_of(account_id))
            refused(code, *verify, wrong.index, wrong.record, wrong.path.siblings)
        positions = self.proofs.positions(index)
        siblings = positions.path.siblings
        held = (call, "verify_positions", root, index)
        refused("R10", *held, positions.slots | 1 << 16, positions.records * 2, siblings)
        refused("R11", *held, positions.slots, bytes(len(positions.records)), siblings)

    def _is_known(self, number: int) -> bool:
        found = self.contract.call("verified_digest", self.proofs.root, number)
        return bool(found.values[0] != ZERO)
