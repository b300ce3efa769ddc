"""EscapeHatch: opening, claims, remainders, arrivals, and every error."""

from dataclasses import replace

import ape
import pytest

from offchain.settlement.abi import keccak256
from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.escape import QUOTE_INDEX_OFFSET
from offchain.settlement.messages import Pledge
from offchain.settlement.valuation import TABLE_TAG, AssetValue, MarketValue, ValuationTable
from offchain.spec.constants import INDEX_ONE
from tests.contracts.support import (
    CHAIN_ID,
    ETHER_WEI,
    PEER,
    UNITS_PER_TOKEN,
    pass_time,
    reverts,
)
from tests.contracts.unit.escape.hatch_system import (
    CLAIM_WINDOW_S,
    EXISTS,
    OWES,
    OWNER_WINDOW_S,
    ROOT,
    TABLE,
    position,
)

HALF = UNITS_PER_TOKEN // 2
ETHER_E8 = 3_000


@pytest.fixture
def opened(settled):
    chain = settled(TABLE)
    chain.open(TABLE.to_bytes())
    return chain


class Table:
    """Bytes that pass for a table, with their hash."""

    def __init__(self, data: bytes):
        self.data = data

    def digest(self) -> bytes:
        return keccak256(TABLE_TAG + self.data)


def test_a_basket_is_paid_by_the_vault(opened, depositor, stranger):
    opened.tell(5, depositor, (ETHER_ASSET, HALF, HALF))
    receipt = opened.claim(5, sender=stranger)
    assert receipt.events[0] == opened.hatch.AccountClaimed(
        chain_id=CHAIN_ID,
        account_index=5,
        owner=depositor.address,
        equity_units=ETHER_E8 * UNITS_PER_TOKEN,
        basket_units=ETHER_E8 * UNITS_PER_TOKEN,
        remainder_units=0,
    )
    assert opened.hatch.is_claimed(CHAIN_ID, 5)
    assert not opened.hatch.is_claimed(CHAIN_ID, 6)
    before_wei = depositor.balance
    opened.system.vault.claim_credit(CHAIN_ID, depositor, ETHER_ASSET, sender=stranger)
    assert depositor.balance == before_wei + ETHER_WEI
    with reverts("X11"):
        opened.claim(5)


def test_opening(settled, hatch):
    chain = settled(TABLE)
    receipt = chain.open(TABLE.to_bytes())
    ends_s = ape.chain.blocks.head.timestamp + CLAIM_WINDOW_S
    assert receipt.events == [
        chain.hatch.ChainOpened(
            chain_id=CHAIN_ID,
            state_root=ROOT,
            valuation_hash=TABLE.digest(),
            window_ends_s=ends_s,
        )
    ]
    opening = chain.hatch.opening(CHAIN_ID)
    assert (bytes(opening.state_root), opening.window_ends_s, opening.is_priced) == (
        ROOT,
        ends_s,
        True,
    )
    assert tuple(chain.hatch.asset_ledger(CHAIN_ID, ETHER_ASSET)) == (
        UNITS_PER_TOKEN,
        UNITS_PER_TOKEN,
        0,
        UNITS_PER_TOKEN,
    )
    assert chain.hatch.gateway() == chain.system.gateway
    assert chain.hatch.state_proofs() == chain.proofs
    with reverts("X04"):
        chain.open(TABLE.to_bytes())


def test_only_frozen_chains_are_opened(hatch_system):
    with reverts("X03"):
        hatch_system.open(TABLE.to_bytes())
    with reverts("X10"):
        hatch_system.claim(0)
    with reverts("X10"):
        hatch_system.hatch.claim_remainder(CHAIN_ID, 0, sender=hatch_system.system.operator)


def test_another_table_is_refused(settled):
    chain = settled(TABLE)
    other = replace(TABLE, owed_index_e12=TABLE.owed_index_e12 + 1)
    for data in (other.to_bytes(), b""):
        with reverts("X05"):
            chain.open(data)


HEAD = ValuationTable().to_bytes()
MARKETS = [MarketValue(m, 1).to_bytes() for m in (4, 3)]
ASSETS = [AssetValue(a).to_bytes() for a in (4, 3)]


def counted(markets, assets):
    return HEAD[:16] + markets.to_bytes(8, "big") + assets.to_bytes(8, "big")


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("X06", {"table": HEAD[:31]}),
        ("X20", {"table": HEAD + bytes(32)}),
        ("X20", {"table": counted(65, 0) + bytes(96 * 65)}),
        ("X20", {"table": counted(0, 65) + bytes(32 * 65)}),
        ("X07", {"table": counted(2, 0) + b"".join(MARKETS)}),
        ("X07", {"table": counted(2, 0) + MARKETS[0] * 2}),
        ("X08", {"table": counted(0, 2) + b"".join(ASSETS)}),
        ("X09", {"table": counted(0, 1) + (256).to_bytes(8, "big") + bytes(24)}),
    ],
)
def test_malformed_tables_are_refused_even_if_proven(settled, code, data):
    table = Table(data["table"])
    chain = settled(table)
    with reverts(code):
        chain.open(table.data)


@pytest.mark.parametrize(
    ("flags", "units", "equity_units"),
    [(EXISTS, 3, 4), (EXISTS | OWES, -3, -8), (EXISTS | OWES, 3, 3), (EXISTS, -3, -3)],
)
def test_interest_is_of_the_index_that_the_account_notes(
    settled, depositor, flags, units, equity_units
):
    """Earned grew by a half, owed by one and a half; a sign that has changed bears none."""
    table = replace(TABLE, earned_index_e12=15 * 10**11, owed_index_e12=25 * 10**11)
    chain = settled(table)
    chain.open(table.to_bytes())
    chain.tell(3, depositor, (0, units, 0), flags=flags)
    record = bytes(QUOTE_INDEX_OFFSET) + INDEX_ONE.to_bytes(8, "little") + bytes(8)
    receipt = chain.claim(3, record)
    (claimed,) = (e for e in receipt.events if e.event_name == "AccountClaimed")
    assert claimed.equity_units == equity_units


def test_losses_go_to_the_pot_and_profits_come_from_it(opened, depositor, second_depositor):
    """A loser of half, and a winner who has no balance at all."""
    lost = ETHER_E8 * HALF
    opened.tell(
        1,
        depositor,
        (0, 0, 0),
        (ETHER_ASSET, UNITS_PER_TOKEN, 0),
        positions=[position(1, cost=lost + 100_000)],
    )
    opened.tell(2, second_depositor, (0, 0, 0), positions=[position(-1, cost=-lost - 100_000)])
    opened.claim(2)
    receipt = opened.claim(1)
    assert opened.hatch.PotGrown(chain_id=CHAIN_ID, asset_id=ETHER_ASSET, units=HALF) in (
        receipt.events
    )
    assert opened.hatch.remainders_total_units(CHAIN_ID) == lost
    owed = opened.hatch.remainder(CHAIN_ID, 2)
    assert (owed.owner, owed.value_units) == (second_depositor, lost)
    with reverts("X17"):
        opened.hatch.claim_remainder(CHAIN_ID, 2, sender=depositor)
    pass_time(CLAIM_WINDOW_S)
    receipt = opened.hatch.claim_remainder(CHAIN_ID, 2, sender=second_depositor)
    assert receipt.events[-1] == opened.hatch.RemainderPaid(
        chain_id=CHAIN_ID, account_index=2, owner=second_depositor.address, remainder_units=lost
    )
    gateway = opened.system.gateway
    for who in (depositor, second_depositor):
        assert gateway.credit_units(CHAIN_ID, who, ETHER_ASSET) == HALF
    with reverts("X18"):
        opened.hatch.claim_remainder(CHAIN_ID, 2, sender=depositor)


def test_a_stranger_claims_a_remainder_thirty_days_after_the_window(opened, depositor, stranger):
    opened.tell(1, depositor, (0, 0, 0), positions=[position(-1, cost=-200_000)])
    opened.claim(1)
    pass_time(CLAIM_WINDOW_S)
    with reverts("X21"):
        opened.hatch.claim_remainder(CHAIN_ID, 1, sender=stranger)
    assert opened.hatch.remainder(CHAIN_ID, 1).value_units
    pass_time(OWNER_WINDOW_S)
    opened.hatch.claim_remainder(CHAIN_ID, 1, sender=stranger)
    assert not opened.hatch.remainder(CHAIN_ID, 1).value_units


def test_below_zero_nothing_is_paid(opened, depositor):
    debt = (0, -ETHER_E8 * UNITS_PER_TOKEN, 0)
    opened.tell(1, depositor, debt, (ETHER_ASSET, UNITS_PER_TOKEN, 0))
    opened.claim(1)
    assert opened.system.gateway.credit_units(CHAIN_ID, depositor, ETHER_ASSET) == 0
    assert opened.hatch.asset_ledger(CHAIN_ID, ETHER_ASSET).pot_units == UNITS_PER_TOKEN


@pytest.mark.parametrize(("mode", "equity"), [(0, -1), (1, 0)])
def test_an_isolated_position_loses_no_more_than_its_margin(opened, depositor, mode, equity):
    """The margin is in the basket of an account that has no balance of quote."""
    lost = position(1, cost=100_000 + 31, margin=30, mode=mode)
    opened.tell(1, depositor, positions=[lost])
    event = opened.claim(1).events[0]
    assert (event.equity_units, event.remainder_units) == (equity, 0)


def test_worth_is_rounded_down(opened, depositor):
    """A paid index of 10^-6 quote units per lot."""
    opened.tell(1, depositor, positions=[position(1, funding_index=-1, cost=0)])
    assert opened.claim(1).events[0].equity_units == 100_000 - 1


def test_interest_is_read_from_the_record(opened, depositor):
    """The stored index is twice the present one: cash has halved."""
    record = bytes(240) + (2 * 10**12).to_bytes(8, "little") + bytes(8)
    opened.tell(1, depositor, (0, 100, 1))
    event = opened.claim(1, record).events[0]
    assert event.equity_units == 50


@pytest.mark.parametrize(
    ("code", "leaf"),
    [
        ("X12", {"flags": 2}),
        ("X14", {"positions": [position(1, market=2)]}),
        ("X15", {"positions": [position(1, adl_index=-1)]}),
        ("X15", {"positions": [position(1, adl_index=2**48, adl_epoch=1)]}),
        ("X16", {"balances": [(9, 1, 0)]}),
    ],
)
def test_accounts_that_cannot_be_valued(opened, depositor, code, leaf):
    opened.tell(1, depositor, *leaf.pop("balances", []), **leaf)
    with reverts(code):
        opened.claim(1)
    assert not opened.hatch.is_claimed(CHAIN_ID, 1)


def test_without_a_table_baskets_are_paid_whole(settled, depositor):
    chain = settled()
    chain.open(b"")
    chain.tell(1, depositor, (ETHER_ASSET, 1, 2), positions=[position(0)])
    chain.tell(2, None, (ETHER_ASSET, 1, 0))
    for index, (balance, held) in enumerate(
        (
            ((0, 0, 0), position(1)),
            ((0, 0, 0), position(0, cost=-1)),
            ((0, 0, 0), position(0, margin=1)),
            ((0, -2, 1), position(0)),
        ),
        start=3,
    ):
        chain.tell(index, depositor, balance, positions=[held])
        with reverts("X13"):
            chain.claim(index)
    chain.claim(1)
    chain.claim(2)
    gateway = chain.system.gateway
    assert gateway.credit_units(CHAIN_ID, depositor, ETHER_ASSET) == 3
    assert gateway.balance_units(CHAIN_ID, ETHER_ASSET) == UNITS_PER_TOKEN - 3
    with reverts("X16"):
        chain.hatch.collect(CHAIN_ID, ETHER_ASSET, sender=depositor)


def test_what_arrives_later_is_collected(opened, depositor):
    system = opened.system
    with reverts("X19"):
        opened.hatch.collect(CHAIN_ID, ETHER_ASSET, sender=depositor)
    system.fund(depositor, PEER)
    pledge = Pledge(PEER, CHAIN_ID, ETHER_ASSET, HALF, 0)
    system.settle(system.settlement(PEER, pledges=[pledge]))
    system.gateway.move_pledges(PEER, CHAIN_ID, ETHER_ASSET, sender=depositor)
    opened.hatch.collect(CHAIN_ID, ETHER_ASSET, sender=depositor)
    assert tuple(opened.hatch.asset_ledger(CHAIN_ID, ETHER_ASSET)) == (
        UNITS_PER_TOKEN,
        UNITS_PER_TOKEN,
        HALF,
        UNITS_PER_TOKEN + HALF,
    )


def test_the_hatch_is_made_of_contracts(project, gateway, stranger):
    with reverts("X01"):
        project.EscapeHatch.deploy(stranger, gateway, sender=stranger)
    with reverts("X02"):
        project.EscapeHatch.deploy(gateway, stranger, sender=stranger)
