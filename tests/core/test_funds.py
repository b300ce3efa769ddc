"""Funds in the specification and the core: what neither random sequences nor wrong fields reach."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from offchain.core.binding import TrapError
from offchain.core.guest_tape import Mode
from offchain.spec import fund_op, funds, op, priority
from offchain.spec.constants import (
    FUND_LIMIT,
    FUND_MIN_LOCKUP_S,
    FUND_MIN_SEED,
    MASTER_BITS,
    VALUE_LIMIT,
)
from offchain.spec.errors import ErrorCode as E
from offchain.spec.kinds import EventKind, OpKind, PlaceFlag, PriorityKind
from offchain.spec.kinds import TimeInForce as Tif
from offchain.spec.tree import Hasher
from tests.core.bad_envelopes import priority_envelope
from tests.core.pair import Pair, as_events, native_hasher
from tests.core.recorded import record, replay
from tests.fund_strategies import FundFlow
from tests.risk_strategies import random_risk_sequence
from tests.strategies import PERP, owner_of, scene

A, B, C, D = (32 * master for master in (1, 2, 3, 4))
HINT_SEED, HINT_LENGTH = 2, 400
OF_PROTOCOL = fund_op.AdminFund(account=A, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S)


@pytest.fixture(scope="module")
def hasher(hash_library: ctypes.CDLL) -> Hasher:
    return native_hasher(hash_library)


@pytest.fixture
def pair(hasher: Hasher) -> Pair:
    pair = Pair(hasher)
    for data in scene():
        pair.op(data)
    return pair


def codes(pair: Pair, *ops: op.Op) -> list[E]:
    return [pair.op(each.to_bytes()).code for each in ops]


def test_a_chain_has_room_for_so_many_funds(pair: Pair) -> None:
    assert codes(pair, *[OF_PROTOCOL] * FUND_LIMIT) == [E.OK] * FUND_LIMIT
    founds = fund_op.CreateFund(
        account=A, fee_ppm=0, lockup_s=FUND_MIN_LOCKUP_S, amount=FUND_MIN_SEED
    )
    assert codes(pair, OF_PROTOCOL, founds) == [E.FUNDS_FULL] * 2
    invests = fund_op.Invest(account=B, fund=FUND_LIMIT - 1, amount=FUND_MIN_SEED)
    assert codes(pair, invests) == [E.OK]


def test_l1_reaches_no_master_of_a_fund(pair: Pair) -> None:
    first_of_funds = 2**MASTER_BITS - FUND_LIMIT
    outcomes = []
    for index, master in enumerate((first_of_funds - 1, first_of_funds, 2**MASTER_BITS - 1)):
        deposit = priority.PriorityRecord(
            index=index,
            kind=PriorityKind.DEPOSIT,
            sender=int.from_bytes(owner_of(32 * 5)),
            account=master,
            asset=0,
            amount=1,
        )
        (event,) = as_events(pair.envelope(priority_envelope(deposit)).events)
        outcomes.append((event.kind, event.account, event.values[5]))
    refused = (EventKind.WITHDRAWAL, 0, E.UNKNOWN_ACCOUNT)
    accepted = (EventKind.DEPOSITED, (first_of_funds - 1) * 32, 0)
    assert outcomes == [accepted, refused, refused]


def pump(pair: Pair, winner: int, loser: int) -> None:
    """Move near 2^61 of unbacked profit to `winner`."""
    for price, buyer, seller in ((1, winner, loser), (2_300_000, loser, winner)):
        asks = op.Place(
            flags=PlaceFlag.IS_ASK, market=PERP, account=seller, price=price, size_lots=10**10
        )
        buys = replace(asks, flags=0, account=buyer, time_in_force=Tif.IOC)
        assert codes(pair, asks, buys) == [E.OK, E.OK]


def test_no_bucket_reaches_its_bound_by_an_investment(pair: Pair) -> None:
    first, second = (funds.bucket_account(0, number) for number in (0, 1))
    sends = op.Transfer(account=first, to_account=second, asset=0, amount=1)
    assert codes(pair, OF_PROTOCOL) == [E.OK]
    pump(pair, first, A)
    assert codes(pair, sends) == [E.OK]
    pump(pair, second, B)
    pump(pair, D, C)
    amount = pair.state.account(second).free[0]
    assert codes(pair, replace(sends, account=second, to_account=first, amount=amount)) == [E.OK]
    room = VALUE_LIMIT - 1 - pair.state.account(first).free[0]
    invests = fund_op.Invest(account=D, fund=0, amount=room + 1)
    assert codes(pair, invests) == [E.BALANCE_TOO_LARGE]
    assert codes(pair, replace(invests, amount=room)) == [E.OK]


def test_hints_of_a_run_with_funds(hasher: Hasher) -> None:
    recorded = record(Mode.OPS, random_risk_sequence(HINT_SEED, HINT_LENGTH, FundFlow))
    kinds = {data[0] for data in recorded.items}
    assert {OpKind.INVEST, OpKind.REDEEM, OpKind.CREATE_FUND} <= kinds
    assert replay(recorded, recorded.hints) == recorded.output
    traps = 0
    for place in range(len(recorded.hints)):
        hints = recorded.hints.copy()
        hints[place] ^= np.uint32(1)
        try:
            assert replay(recorded, hints) == recorded.output
        except TrapError:
            traps += 1
    assert traps > 0
