"""The state: all records, sparse, with an incremental root (docs/spec/transition.md section 1)."""

from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from offchain.spec.book_records import DUTY_BYTES, Duty, Level, Order
from offchain.spec.constants import (
    ASSET_RISK_LEAF,
    DUTY_CAPACITY,
    FEE_ACCOUNT,
    INSURANCE_ACCOUNT,
    LEAF_BYTES,
    LEVEL_CAPACITY,
    LISTING_LEAF,
    MASTER_BITS,
    MAX_BUILDERS,
    NONCE_SETS,
    ORACLE_LEAF,
    ORDER_CAPACITY,
    POSITIONS_PER_ACCOUNT,
    QUOTE_ASSET,
    SIGNER_LEAVES,
    SIGNERS_PER_MASTER,
    SUB_ACCOUNT_BITS,
    TIERS_PER_TABLE,
)
from offchain.spec.encoding import hash_limbs
from offchain.spec.fund_records import Fund
from offchain.spec.header import Header
from offchain.spec.kinds import AccountFlag, Subtree
from offchain.spec.l1_records import Listing, OracleRecord
from offchain.spec.link_records import Channel, Reservation
from offchain.spec.poseidon2 import Digest, digest_to_bytes
from offchain.spec.records import (
    Account,
    Asset,
    Builder,
    FeeTier,
    Market,
    NonceSet,
    Position,
    Signer,
)
from offchain.spec.risk_records import AssetRisk, MarketRisk
from offchain.spec.table import Table
from offchain.spec.tree import WORD_BYTES, Hasher, SparseTree

SUB_ACCOUNT_MASK = (1 << SUB_ACCOUNT_BITS) - 1
ACCOUNT_LIMIT = 1 << (MASTER_BITS + SUB_ACCOUNT_BITS)  # exclusive bound of account ids


def _leaf_depth(records: int, record_bytes: int) -> int:
    return (records * record_bytes // LEAF_BYTES).bit_length() - 1


SUBTREE_DEPTHS: dict[Subtree, int] = {
    Subtree.HEADER: 0,
    Subtree.CONFIG: 0,
    Subtree.ASSETS: 8,
    Subtree.MARKETS: 10,
    Subtree.FEE_TABLES: 4,
    Subtree.ACCOUNTS: 22,
    Subtree.POSITIONS: _leaf_depth(ACCOUNT_LIMIT * POSITIONS_PER_ACCOUNT, Position.SIZE),
    Subtree.SIGNERS: 23,
    Subtree.ORDERS: _leaf_depth(ORDER_CAPACITY, Order.SIZE),
    Subtree.LEVELS: _leaf_depth(LEVEL_CAPACITY, Level.SIZE),
    Subtree.DUTIES: _leaf_depth(DUTY_CAPACITY, DUTY_BYTES),
    Subtree.RISK: 11,
    Subtree.CHANNELS: 6,
    Subtree.RESERVATIONS: 20,
    Subtree.FUNDS: 10,
    Subtree.BUILDERS: _leaf_depth(MAX_BUILDERS, Builder.SIZE),
}


class _LeafSource(Protocol):
    dirty_leaves: set[int]

    def leaf_bytes(self, leaf: int) -> bytes: ...
    def leaves(self) -> set[int]: ...


class DutyHeap:
    """Storage of the duty heap's entries; the order is kept by :mod:`offchain.spec.duties`."""

    _PER_LEAF = LEAF_BYTES // DUTY_BYTES

    def __init__(self) -> None:
        self.entries: list[Duty] = []
        self.dirty_leaves: set[int] = set()

    def append(self, duty: Duty) -> None:
        """Add an entry at the end."""
        self.entries.append(duty)
        self.dirty_leaves.add((len(self.entries) - 1) // self._PER_LEAF)

    def pop_last(self) -> Duty:
        """Remove the last entry; its record becomes zero."""
        self.dirty_leaves.add((len(self.entries) - 1) // self._PER_LEAF)
        return self.entries.pop()

    def put(self, index: int, duty: Duty) -> None:
        """Overwrite the entry at `index`."""
        self.entries[index] = duty
        self.dirty_leaves.add(index // self._PER_LEAF)

    def leaf_bytes(self, leaf: int) -> bytes:
        """Return the bytes of leaf number `leaf`."""
        first = leaf * self._PER_LEAF
        data = b"".join(duty.to_bytes() for duty in self.entries[first : first + self._PER_LEAF])
        return data.ljust(LEAF_BYTES, b"\0")

    def leaves(self) -> set[int]:
        """Return the numbers of the leaves that hold an entry."""
        return set(range(-(-len(self.entries) // self._PER_LEAF)))


class State:
    """The whole state of a chain.

    Records are read with ``table.read(i)`` and changed only through ``table.edit(i)``,
    ``replace`` or ``clear``, so that :meth:`root` knows which leaves to hash again. The header is
    small and hashed whenever its bytes changed.

    Parameters
    ----------
    config_hash
        32 bytes: keccak of the genesis constants.
    hasher
        Hash of the state tree and of receipts.
    """

    def __init__(self, config_hash: bytes, hasher: Hasher | None = None) -> None:
        self.header = Header(next_event_seq=1, next_order_sequence=1)
        self.config_hash = config_hash
        self.assets = Table(Asset, Asset.SIZE)
        self.markets = Table(Market, Market.SIZE)
        self.fee_tiers = Table(FeeTier, FeeTier.SIZE, TIERS_PER_TABLE)  # table * 8 + tier
        self.accounts = Table(Account, Account.SIZE)  # by account_index
        self.positions = Table(Position, Position.SIZE, LEAF_BYTES // Position.SIZE)
        self.signers = Table(Signer, Signer.SIZE)  # by signer_index
        self.nonce_sets = Table(NonceSet, NonceSet.SIZE)  # by nonce_set_index
        self.orders = Table(Order, Order.SIZE, LEAF_BYTES // Order.SIZE)
        self.levels = Table(Level, Level.SIZE, LEAF_BYTES // Level.SIZE)
        self.duties = DutyHeap()
        self.builders = Table(Builder, Builder.SIZE, LEAF_BYTES // Builder.SIZE)
        self.market_risks = Table(MarketRisk, MarketRisk.SIZE)
        self.asset_risks = Table(AssetRisk, AssetRisk.SIZE)  # ASSET_RISK_LEAF + asset
        self.listings = Table(Listing, Listing.SIZE)  # one, at LISTING_LEAF
        self.oracles = Table(OracleRecord, OracleRecord.SIZE)  # one, at ORACLE_LEAF
        self.channels = Table(Channel, Channel.SIZE)
        self.reservations = Table(Reservation, Reservation.SIZE)  # master * 8 + number
        self.funds = Table(Fund, Fund.SIZE)
        self.hasher = hasher or Hasher()
        self._trees: dict[Subtree, SparseTree] = {}
        self._hashed_header = b""

    def account(self, account_id: int) -> Account:
        """Return an account for reading (all zero when absent)."""
        return self.accounts.read(account_index(account_id))

    def edit_account(self, account_id: int) -> Account:
        """Return an account for writing."""
        return self.accounts.edit(account_index(account_id))

    def account_exists(self, account_id: int) -> bool:
        """Return whether the id is in range and the account was created."""
        if account_id >= ACCOUNT_LIMIT:
            return False
        return bool(self.account(account_id).flags & AccountFlag.EXISTS)

    def market_risk(self, market_id: int) -> MarketRisk:
        """Return a market's risk for reading (all zero when absent)."""
        return self.market_risks.read(market_id)

    def edit_market_risk(self, market_id: int) -> MarketRisk:
        """Return a market's risk for writing."""
        return self.market_risks.edit(market_id)

    def asset_risk(self, asset: int) -> AssetRisk:
        """Return an asset's risk for reading (all zero when absent)."""
        return self.asset_risks.read(ASSET_RISK_LEAF + asset)

    def edit_asset_risk(self, asset: int) -> AssetRisk:
        """Return an asset's risk for writing."""
        return self.asset_risks.edit(ASSET_RISK_LEAF + asset)

    def listing(self) -> Listing:
        """Return what the valuation table lists, for reading."""
        return self.listings.read(LISTING_LEAF)

    def edit_listing(self) -> Listing:
        """Return what the valuation table lists, for writing."""
        return self.listings.edit(LISTING_LEAF)

    def oracle(self) -> OracleRecord:
        """Return the oracle record for reading (all zero without feeds)."""
        return self.oracles.read(ORACLE_LEAF)

    def edit_oracle(self) -> OracleRecord:
        """Return the oracle record for writing."""
        return self.oracles.edit(ORACLE_LEAF)

    def root(self) -> Digest:
        """Return the state root; hashes only what changed since the last call."""
        if not self._trees:
            self._trees = {s: SparseTree(SUBTREE_DEPTHS[s], self.hasher) for s in Subtree}
            config = self._config_leaf()
            digest = self.hasher.leaf(Subtree.CONFIG, config)
            self._trees[Subtree.CONFIG].update([(0, digest)])
        header = self.header.to_bytes()
        if header != self._hashed_header:
            digest = self.hasher.leaf(Subtree.HEADER, header)
            self._trees[Subtree.HEADER].update([(0, digest)])
            self._hashed_header = header
        for subtree, source in self._sources():
            digests = ((n, self._leaf_digest(subtree, source, n)) for n in source.dirty_leaves)
            self._trees[subtree].update(digests)
            source.dirty_leaves.clear()
        row = [self._trees[subtree].root for subtree in Subtree]
        while len(row) > 1:
            pairs = zip(row[::2], row[1::2], strict=True)
            row = [self.hasher.compress(left, right) for left, right in pairs]
        return row[0]

    def root_bytes(self) -> bytes:
        """Return the state root as 32 bytes."""
        return digest_to_bytes(self.root())

    def leaves(self) -> Iterator[tuple[Subtree, int, bytes]]:
        """Yield (subtree, leaf number, bytes) of every leaf that is not zero, in order."""
        singles = ((Subtree.HEADER, self.header.to_bytes()), (Subtree.CONFIG, self._config_leaf()))
        places = [
            (subtree, number, source)
            for subtree, source in self._sources()
            for number in source.leaves()
        ]
        places.sort(key=lambda place: place[:2])  # signers and their nonce sets take turns
        stored = (
            (subtree, number, source.leaf_bytes(number)) for subtree, number, source in places
        )
        for subtree, number, data in chain(((s, 0, data) for s, data in singles), stored):
            if any(data):
                yield subtree, number, data

    def _leaf_digest(self, subtree: Subtree, source: _LeafSource, number: int) -> Digest:
        return self.hasher.leaf(subtree, source.leaf_bytes(number))

    def _config_leaf(self) -> bytes:
        limbs = hash_limbs(self.config_hash)
        return b"".join(limb.to_bytes(WORD_BYTES, "little") for limb in limbs)

    def _sources(self) -> tuple[tuple[Subtree, _LeafSource], ...]:
        return (
            (Subtree.ASSETS, self.assets),
            (Subtree.MARKETS, self.markets),
            (Subtree.FEE_TABLES, self.fee_tiers),
            (Subtree.ACCOUNTS, self.accounts),
            (Subtree.POSITIONS, self.positions),
            (Subtree.SIGNERS, self.signers),
            (Subtree.SIGNERS, self.nonce_sets),
            (Subtree.ORDERS, self.orders),
            (Subtree.LEVELS, self.levels),
            (Subtree.DUTIES, self.duties),
            (Subtree.RISK, self.market_risks),
            (Subtree.RISK, self.asset_risks),
            (Subtree.RISK, self.listings),
            (Subtree.RISK, self.oracles),
            (Subtree.CHANNELS, self.channels),
            (Subtree.RESERVATIONS, self.reservations),
            (Subtree.FUNDS, self.funds),
            (Subtree.BUILDERS, self.builders),
        )


def account_index(account_id: int) -> int:
    """Return the leaf number of an account: all masters first, then all first sub-accounts..."""
    return (account_id & SUB_ACCOUNT_MASK) << MASTER_BITS | account_id >> SUB_ACCOUNT_BITS


def master_account(account_id: int) -> int:
    """Return the id of the master's account (sub-account 0)."""
    return account_id & ~SUB_ACCOUNT_MASK


def position_index(account_id: int, k: int) -> int:
    """Return the record number of an account's k-th position, 0 <= k < 16."""
    return account_index(account_id) * POSITIONS_PER_ACCOUNT + k


def signer_index(account_id: int, slot: int) -> int:
    """Return the record number of the signer in `slot` (0 to 3) of an account's master."""
    return ((account_id >> SUB_ACCOUNT_BITS) * SIGNERS_PER_MASTER + slot) * SIGNER_LEAVES


def nonce_set_index(account_id: int, slot: int, nonce: int) -> int:
    """Return the record number of the set that a nonce of the signer in `slot` belongs to."""
    return signer_index(account_id, slot) + 1 + nonce % NONCE_SETS


def create_account(state: State, account_id: int, owner: bytes) -> None:
    """Make an account exist, with the quote asset in balance slot 0."""
    account = state.edit_account(account_id)
    account.flags |= AccountFlag.EXISTS
    account.owner = owner
    account.asset_ids[0] = QUOTE_ASSET + 1


def genesis(config_hash: bytes, governance_address: bytes, hasher: Hasher | None = None) -> State:
    """Return the state of a new chain.

    Parameters
    ----------
    config_hash
        32 bytes: keccak of the genesis constants.
    governance_address
        20 bytes: owner of the fee and the insurance account.
    hasher
        Hash of the state tree; the specification's own by default.

    Returns
    -------
    State
        Two accounts, no assets, no markets, time 0.
    """
    state = State(config_hash, hasher)
    for account_id in (FEE_ACCOUNT, INSURANCE_ACCOUNT):
        create_account(state, account_id, governance_address)
    return state
