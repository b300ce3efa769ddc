"""All steps of a rescue that are due now, in their order; what is done is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from offchain.settlement.escape import OWNER_WINDOW_S
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.priority import PriorityRecord
from offchain.settlement.rebuild import Progress, RescueCode, RescueError
from offchain.settlement.rescue import Rescue

REASON_CODE = 3
"""Letters of a contract's code, before its colon."""


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction that was sent, or that a contract refused.

    Attributes
    ----------
    action
        ``freeze``, ``refund``, ``open``, ``claim``, ``collect``, ``claim_remainder`` or ``pay``.
    account_index
        Number of the account's leaf; None if the step is of no account.
    owner
        Who is paid; empty if nobody is named.
    asset_id
        Of ``refund``, ``collect`` and ``pay``.
    units
        Of ``refund`` and ``pay``, in engine units.
    code, error
        Code and sentence of the refusal; empty if the step is done.
    """

    action: str
    account_index: int | None = None
    owner: str = ""
    asset_id: int | None = None
    units: int | None = None
    code: str = ""
    error: str = ""


Planned = tuple[Step, Callable[[], object]]


def run_rescue(
    rescue: Rescue,
    indices: Sequence[int],
    *,
    with_remainders: bool = True,
    with_freeze: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> list[Step]:
    """Refund, open, claim, collect, claim remainders, and have the vault pay.

    Parameters
    ----------
    rescue
        The chain.
    indices
        Leaf numbers of the accounts to take out. Deposits that the chain has not consumed are
        refunded to their owners; to everyone if these are all accounts.
    with_remainders
        False: leave remainders for later, while something may still reach the pot.
    with_freeze
        True: freeze the chain first, if it is not.
    progress
        Called with steps done and steps of the present stage.

    Returns
    -------
    list of Step
        In the order in which they were sent. A refused step does not stop the others.

    Raises
    ------
    RescueError
        CHAIN_RUNS if the chain is not frozen and not to be frozen.
    """
    steps: list[Step] = []
    if with_freeze and not rescue.is_frozen:
        steps.append(_sent(Step("freeze"), rescue.freeze))
        if steps[0].code:
            return steps
    if not rescue.is_frozen:
        raise RescueError(
            RescueCode.CHAIN_RUNS,
            "the chain still runs; withdraw from it, or freeze it if it is overdue: "
            "ChainRegistry.freeze_overdue",
        )
    remainders = [_remainders] if with_remainders else []
    stages = [_refunds, _opening, _claims, _arrivals, *remainders, _payments]
    for stage in stages:
        planned = list(stage(rescue, indices))
        for done, (step, send) in enumerate(planned):
            progress(done, len(planned))
            steps.append(_sent(step, send))
    return steps


def _sent(step: Step, send: Callable[[], object]) -> Step:
    try:
        send()
    except ContractRevertedError as error:
        code = error.reason[:REASON_CODE] if ": " in error.reason else "REVERTED"
        return replace(step, code=code, error=str(error))
    return step


def _refunds(rescue: Rescue, indices: Sequence[int]) -> Iterator[Planned]:
    refunded = rescue.refunded()
    for record in _deposits(rescue, indices):
        if record.index not in refunded:
            owner = "0x" + record.sender.hex()
            step = Step("refund", None, owner, record.asset_id, record.amount_units)
            yield step, partial(rescue.refund, record)


def _deposits(rescue: Rescue, indices: Sequence[int]) -> list[PriorityRecord]:
    """Those that nobody consumed, of the accounts' owners; all if these are all accounts."""
    owners = {rescue.owner(index) for index in indices}
    is_everyone = rescue.is_everyone(indices)
    return [
        record
        for record in rescue.waiting_deposits()
        if is_everyone or "0x" + record.sender.hex() in owners
    ]


def _opening(rescue: Rescue, _indices: Sequence[int]) -> Iterator[Planned]:
    if not rescue.window_ends_s:
        yield Step("open"), rescue.open


def _claims(rescue: Rescue, indices: Sequence[int]) -> Iterator[Planned]:
    for index in indices:
        if not rescue.is_claimed(index):
            step = Step("claim", index, rescue.owner(index))
            yield step, partial(rescue.claim, index)


def _arrivals(rescue: Rescue, _indices: Sequence[int]) -> Iterator[Planned]:
    for asset_id in rescue.arrived():
        step = Step("collect", asset_id=asset_id)
        yield step, partial(rescue.collect, asset_id)


def _remainders(rescue: Rescue, indices: Sequence[int]) -> Iterator[Planned]:
    """Those that the sender may claim by now."""
    window_ends_s, now_s = rescue.window_ends_s, rescue.now_s
    if now_s < window_ends_s:
        return
    for index, (owner, _) in sorted(rescue.model().remainders.items()):
        may_call = owner == rescue.sender or now_s >= window_ends_s + OWNER_WINDOW_S
        if index in indices and may_call:
            step = Step("claim_remainder", index, rescue.owner(index))
            yield step, partial(rescue.claim_remainder, index)


def _payments(rescue: Rescue, indices: Sequence[int]) -> Iterator[Planned]:
    deposits = _deposits(rescue, indices)
    owners = {"0x" + record.sender.hex() for record in deposits}
    assets = {*rescue.assets, *(record.asset_id for record in deposits)}
    for owner in sorted(owners | {rescue.owner(index) for index in indices}):
        for asset_id in sorted(assets):
            units = rescue.credit_units(owner, asset_id)
            if units:
                step = Step("pay", owner=owner, asset_id=asset_id, units=units)
                yield step, partial(rescue.pay, owner, asset_id)
