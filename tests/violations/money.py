"""Money that goes where it should not, or comes from nowhere."""

from __future__ import annotations

from dataclasses import replace

from offchain.spec import envelope as envelopes
from offchain.spec import fill, transition
from offchain.spec import op as ops
from offchain.spec.errors import ErrorCode
from offchain.spec.events import EventLog
from offchain.spec.ops import deposit, transfer, withdraw
from tests.risk_scene import SPOT
from tests.strategies import owner_of
from tests.violations.lies import replaced, without, wrapped
from tests.violations.registry import violation
from tests.violations.scene import Batch, Chain, Run
from tests.violations.world import (
    ATTACKER,
    BASE,
    DEPOSIT_CAP_UNITS,
    MAKER,
    OTHER,
    QUOTE,
    RICH,
    SPOT_ASK,
    TAKER,
    VICTIM,
    buy,
)

UNITS = 1_000_000


def withdrawing(chain: Chain, units: int = UNITS, account: int = TAKER) -> Batch:
    batch = chain.batch()
    batch.user(account, ops.Withdraw(account=account, asset=QUOTE, amount=units))
    return batch.seal()


def depositing(chain: Chain, units: int = UNITS) -> Batch:
    batch = chain.batch()
    batch.deposit(owner_of(TAKER), QUOTE, units)
    return batch.seal()


def gain_of(chain: Chain, run: Run, account: int) -> int:
    held = chain.state.account(account)
    return run.quote_of(account) - held.free[0] - held.locked[0]


def paid_out(run: Run) -> list[tuple[bytes, int]]:
    return [(each.owner, each.amount_units) for each in run.sealed.withdrawals]


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="A withdrawal names the owner in the account's leaf, which only a deposit on L1 sets.",
)
def withdrawal_to_a_foreign_address(chain: Chain) -> str:
    """Pay a client's withdrawal to an address of the sequencer."""

    def to_attacker(withdrawal, log, **fields):
        withdrawal(log, **fields | {"owner": ATTACKER})

    return withdrawing(chain).attempt(
        wrapped(EventLog, "withdrawal", to_attacker),
        harm=lambda run: paid_out(run) == [(ATTACKER, UNITS)],
    )


@violation(
    rule="transition.md#4-money",
    result="another statement: INSUFFICIENT_BALANCE",
    why="The balance is in the account's leaf; the program refuses what exceeds it.",
)
def withdrawal_above_the_balance(chain: Chain) -> str:
    """Pay a friend more than the account holds."""
    owned = chain.state.account(OTHER).free[0]
    return withdrawing(chain, owned + 1, OTHER).attempt(
        replaced(withdraw, "check_payable", lambda *payment: None),
        harm=lambda run: paid_out(run) == [(owner_of(OTHER), owned + 1)],
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="The root of withdrawals is over the events of the run, one for each withdrawal.",
)
def withdrawal_paid_twice(chain: Chain) -> str:
    """List one withdrawal twice in what L1 pays out."""

    def twice(withdrawal, log, **fields):
        withdrawal(log, **fields)
        withdrawal(log, **fields)

    return withdrawing(chain).attempt(
        wrapped(EventLog, "withdrawal", twice), harm=lambda run: len(paid_out(run)) == 2
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="Amounts come from the client's op; flows and withdrawals are counted from the events.",
)
def withdrawal_of_one_unit_more(chain: Chain) -> str:
    """Pay a friend one unit more than was withdrawn."""

    def one_more(withdrawal, log, *, amount, **fields):
        withdrawal(log, amount=amount + 1, **fields)

    return withdrawing(chain).attempt(
        wrapped(EventLog, "withdrawal", one_more),
        harm=lambda run: paid_out(run) == [(owner_of(TAKER), UNITS + 1)],
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="Whatever leaves the chain leaves a balance: both are the same step of the program.",
)
def withdrawal_not_debited(chain: Chain) -> str:
    """Pay out on L1 and leave the balance as it was."""
    return withdrawing(chain).attempt(
        replaced(withdraw, "take", lambda *payment: None),
        harm=lambda run: bool(paid_out(run)) and gain_of(chain, run, TAKER) == 0,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement: NOT_SAME_OWNER",
    why="Both owners are in leaves; a transfer between different ones is refused.",
)
def transfer_to_a_stranger(chain: Chain) -> str:
    """Move a client's money to the account of another owner."""
    batch = chain.batch()
    batch.user(TAKER, ops.Transfer(account=TAKER, to_account=RICH, asset=QUOTE, amount=UNITS))
    batch.seal()
    return batch.attempt(
        without(ErrorCode.NOT_SAME_OWNER), harm=lambda run: gain_of(chain, run, RICH) == UNITS
    )


@violation(
    rule="transition.md#4-money",
    result="another statement: INSUFFICIENT_BALANCE",
    why="A transfer pays from the free balance of the leaf.",
)
def transfer_above_the_balance(chain: Chain) -> str:
    """Fill a friend's sub-account out of an empty one."""
    batch = chain.batch()
    owned = chain.state.account(OTHER).free[0]
    move = ops.Transfer(account=OTHER, to_account=OTHER + 1, asset=QUOTE, amount=owned + 1)
    batch.user(OTHER, move)
    batch.seal()
    return batch.attempt(
        replaced(transfer, "check_payable", lambda *payment: None),
        harm=lambda run: run.quote_of(OTHER + 1) == owned + 1,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="A consumed deposit record either credits its account or comes back as a withdrawal.",
)
def deposit_dropped(chain: Chain) -> str:
    """Consume a deposit and credit nobody."""
    return depositing(chain).attempt(
        replaced(transition.deposit, "deposit", lambda state, op, log: None),
        harm=lambda run: gain_of(chain, run, TAKER) == 0,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="The account's number is in the record whose hash L1 compares.",
)
def deposit_credited_to_another(chain: Chain) -> str:
    """Credit a deposit to an account of the sequencer's friend."""

    def to_rich(apply, state, op, log):
        apply(state, replace(op, account=RICH, owner=owner_of(RICH)), log)

    return depositing(chain).attempt(
        wrapped(transition.deposit, "deposit", to_rich),
        harm=lambda run: gain_of(chain, run, RICH) == UNITS,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="The amount is in the record whose hash L1 compares.",
)
def deposit_credited_with_one_unit_more(chain: Chain) -> str:
    """Credit a friend's deposit with one unit more than came in."""

    def one_more(apply, state, op, log):
        apply(state, replace(op, amount=op.amount + 1), log)

    return depositing(chain).attempt(
        wrapped(transition.deposit, "deposit", one_more),
        harm=lambda run: gain_of(chain, run, TAKER) == UNITS + 1,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="The cap and the asset's total are in the asset's leaf.",
)
def deposit_cap_ignored(chain: Chain) -> str:
    """Keep a deposit above the cap that governance set."""
    return depositing(chain, DEPOSIT_CAP_UNITS).attempt(
        replaced(deposit, "_refusal", lambda state, op: ErrorCode.OK),
        harm=lambda run: gain_of(chain, run, TAKER) == DEPOSIT_CAP_UNITS,
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="The program returns what it refuses in the same batch, as a leaf of the withdrawals.",
)
def refused_deposit_kept(chain: Chain) -> str:
    """Refuse a deposit and send nothing back."""
    batch = depositing(chain, DEPOSIT_CAP_UNITS)
    assert len(batch.replay().sealed.withdrawals) == 1
    return batch.attempt(
        replaced(EventLog, "withdrawal", lambda log, **fields: None),
        harm=lambda run: not paid_out(run),
    )


@violation(
    rule="witness.md#1-what-a-proof-of-it-says",
    result="another statement",
    why="The new root is that of the old leaves after the envelopes, and of nothing else.",
)
def money_from_nothing(chain: Chain) -> str:
    """Raise a balance that no envelope of the batch speaks of."""
    batch = chain.batch().seal()

    def mint(apply, state, op):
        state.edit_account(RICH).free[0] += UNITS
        return apply(state, op)

    return batch.attempt(
        wrapped(envelopes, "apply", mint), harm=lambda run: gain_of(chain, run, RICH) == UNITS
    )


@violation(
    rule="transition.md#4-money",
    result="another statement",
    why="Owners are in the accounts' leaves; no envelope of the sequencer changes one.",
)
def owner_replaced(chain: Chain) -> str:
    """Make an address of the sequencer the owner of a client's account."""
    batch = chain.batch().seal()

    def steal(apply, state, op):
        state.edit_account(VICTIM).owner = ATTACKER
        return apply(state, op)

    return batch.attempt(
        wrapped(envelopes, "apply", steal),
        harm=lambda run: run.state.account(VICTIM).owner == ATTACKER,
    )


@violation(
    rule="transition.md#fill",
    result="another statement",
    why="Each fill moves as much to one side as it takes from the other.",
)
def base_asset_from_nothing(chain: Chain) -> str:
    """Sell a spot bidder units that nobody gives."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, SPOT_ASK, 2, market=SPOT))
    batch.seal()

    def keep(settle_side, state, market_id, market, side, planned):
        locked = list(state.account(side.account).locked)
        settle_side(state, market_id, market, side, planned)
        if side.account == MAKER:
            state.edit_account(MAKER).locked[BASE] = locked[BASE]

    return batch.attempt(
        wrapped(fill, "_settle_side", keep),
        harm=lambda run: (
            bool(run.fills)
            and run.state.account(MAKER).locked[BASE] == chain.state.account(MAKER).locked[BASE]
        ),
    )
