"""What a proof does not say: these attempts have one, and L1 settles them.

They stand here so that the page names them, with what limits the damage. When a rule becomes part
of the proof its test fails.
"""

from __future__ import annotations

from offchain.spec import op as ops
from offchain.spec.envelope import NO_SIGNATURE
from tests.risk_scene import PERP, market_snapshot
from tests.violations.registry import violation
from tests.violations.scene import ACCEPTED, Batch, Chain
from tests.violations.world import BEST_ASK, MARK, RICH, TAKER, buy, price_falls, report


def settled(batch: Batch) -> str:
    """Return "a proof" if the batch has one and L1 settles it."""
    honest = batch.replay()
    assert not honest.rejections
    assert batch.proven() == honest.claim
    assert batch.l1.settle(honest.claim, honest.flows) == ACCEPTED
    return "a proof"


@violation(
    rule="transition.md#6-envelopes",
    result="a proof",
    why="The sequencer checks signatures, the proof does not yet. A forger can trade within bands "
    "and margin, but pay out to nobody but the owner and transfer to nobody else's account.",
    status="trusted",
)
def signature_forged(chain: Chain) -> str:
    """Place a client's order that the client has not signed."""
    batch = chain.batch()
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2), signature=NO_SIGNATURE)
    return settled(batch.seal())


@violation(
    rule="transition.md#6-envelopes",
    result="a proof",
    why="Who came first is what the sequencer says. Arrivals never fall, and receipts, which chain "
    "every envelope in its order, let a client show what it was promised.",
    status="trusted",
)
def arrivals_exchanged(chain: Chain) -> str:
    """Apply a friend's order before one that arrived earlier."""
    orders = [(TAKER, BEST_ASK), (RICH, BEST_ASK)]
    makers = []
    for sequence in (orders, orders[::-1]):
        batch = chain.batch()
        for account, price in sequence:
            batch.user(account, buy(account, price, 10))
        batch.seal()
        settled(batch)
        makers.append({fill.taker: fill.maker for fill in batch.replay().fills})
    assert makers[0][TAKER] == makers[1][RICH] != makers[0][RICH]
    return "a proof"


@violation(
    rule="settlement.md#5-priority-queue",
    result="a proof",
    why="No proof says what was not sent. Deposits and forced operations on L1 cannot be left out; "
    "everything else can.",
    status="trusted",
)
def order_left_out(chain: Chain) -> str:
    """Drop a client's order as if it had never arrived."""
    return settled(chain.batch().seal())


@violation(
    rule="risk.md#4-prices",
    result="a proof",
    why="Reports carry no signatures of their sources yet. The index stays within its jump, its "
    "age and the band around L1's last price; the mark within a band around the index.",
    status="bounded",
)
def price_invented(chain: Chain) -> str:
    """Report a price that no venue had, within the bounds."""
    batch = chain.batch()
    price_falls(batch, 9_500)
    return settled(batch.seal())


@violation(
    rule="risk.md#4-prices",
    result="a proof",
    why="When a report comes is up to the sequencer, within the greatest age of a mark: an older "
    "one takes no risk and liquidates nobody.",
    status="bounded",
)
def report_delayed(chain: Chain) -> str:
    """Let a friend trade at a mark that is 50 seconds old, and report afterwards."""
    batch = chain.batch()
    now_s = batch.now_s + 50
    batch.system(ops.AdvanceTime(now_s=now_s))
    batch.user(TAKER, buy(TAKER, BEST_ASK, 2))
    batch.system(report(MARK - 900, now_s))
    return settled(batch.seal())


@violation(
    rule="risk.md#4-prices",
    result="a proof",
    why="Snapshots are not yet compared with the hub's accumulator. Reports stay within a band "
    "around them, and a redemption rate within its yearly growth.",
    status="trusted",
)
def snapshot_invented(chain: Chain) -> str:
    """Store a price as L1's that L1 never recorded."""
    batch = chain.batch()
    now_s = batch.now_s + 5
    batch.system(ops.AdvanceTime(now_s=now_s), market_snapshot(PERP, 7_000, now_s))
    return settled(batch.seal())
