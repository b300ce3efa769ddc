"""Admission, time, continuations, and restart from the journal."""

from dataclasses import replace

import pytest

from offchain.engine.journal import Journal, JournalError
from offchain.engine.sequencer import Sequencer
from offchain.engine.signing import SignatureError, SignatureFault, SigningDomain
from offchain.engine.writer import SequencerStoppedError
from offchain.spec import op
from offchain.spec.checks import OpError
from offchain.spec.constants import MAX_STEPS
from offchain.spec.envelope import Envelope, decode
from offchain.spec.kinds import EnvelopeKind, EventKind, OpKind
from tests.engine.scene import (
    ACCOUNTS,
    AGENTS,
    DEPLOYMENT,
    DOMAIN,
    GENESIS,
    MARKET,
    START_MS,
    funded_scene,
    limit,
    new_scene,
    setup_records,
)

CONFIG_HASH = GENESIS.config_hash()


def restart(journal):
    return Sequencer(GENESIS.new_core(), DOMAIN, CONFIG_HASH, journal=journal)


def root_of(sequencer):
    return sequencer._core.root()


def kinds(receipt):
    return receipt.events["kind"].tolist()


def system_ops(envelopes):
    """Kinds of the ops that the sequencer wrote itself."""
    decoded = [decode(envelope) for envelope in envelopes]
    return [each.ops[0][0] for each in decoded if each.envelope.kind == EnvelopeKind.SYSTEM]


def fill_book(scene, who, count, price=1_000):
    for start in range(0, count, 40):
        orders = [limit(who, price, 1, is_ask=True) for _ in range(min(40, count - start))]
        scene.send(who, orders)


# --- admission ---------------------------------------------------------------------------


def test_order_is_admitted_and_stamped():
    scene = funded_scene()
    scene.clock.ms += 250
    receipt = scene.send(0, [limit(0, 1_000, 5)])
    assert kinds(receipt) == [EventKind.RESTED]
    assert receipt.arrival_ms == scene.clock.ms
    assert scene.sequencer.state.header().last_arrival_ms == scene.clock.ms
    assert scene.sequencer.state.top_of_book(MARKET).bid == (1_000, 5)


@pytest.mark.parametrize(
    "options",
    [
        {"key": AGENTS[1]},
        {"domain": SigningDomain(l1_chain_id=1, gateway=b"\x0b" * 20, chain_id=5)},
        {"domain": SigningDomain(l1_chain_id=1337, gateway=b"\x0c" * 20, chain_id=5)},
        {"domain": SigningDomain(l1_chain_id=1337, gateway=b"\x0b" * 20, chain_id=6)},
    ],
    ids=["other key", "other L1", "other gateway", "other chain"],
)
def test_foreign_signature_changes_nothing(journal_path, open_journal, options):
    scene = funded_scene(open_journal(journal_path))
    before, entries = scene.root(), list(scene.journal.entries())
    envelope = scene.envelope(0, [limit(0, 1_000, 5)], **options)
    in_the_agents_name = replace(envelope, signer=AGENTS[0].address)
    with pytest.raises(SignatureError) as caught:
        scene.sequencer.submit(in_the_agents_name.to_bytes())
    assert caught.value.fault is SignatureFault.WRONG_SIGNER
    assert scene.root() == before
    assert list(scene.journal.entries()) == entries


def test_stranger_in_its_own_name():
    scene = funded_scene()
    before = scene.root()
    with pytest.raises(OpError, match="UNKNOWN_SIGNER"):
        scene.send(0, [limit(0, 1_000, 5)], key=AGENTS[1])
    assert scene.root() == before


def test_signature_is_required():
    scene = funded_scene()
    unsigned = replace(scene.envelope(0, [limit(0, 1_000, 5)]), signature=bytes(65))
    with pytest.raises(SignatureError, match="MALFORMED"):
        scene.sequencer.submit(unsigned.to_bytes())


@pytest.mark.parametrize("kind", [EnvelopeKind.SYSTEM, EnvelopeKind.PRIORITY])
def test_users_send_user_envelopes_only(kind):
    scene = funded_scene()
    payload = op.SealBatch().to_bytes() if kind == EnvelopeKind.SYSTEM else bytes(256)
    envelope = Envelope(kind=kind, arrival_ms=START_MS, payload=payload)
    before = scene.root()
    with pytest.raises(OpError, match="ENVELOPE_OP_NOT_ALLOWED"):
        scene.sequencer.submit(envelope.to_bytes())
    assert scene.root() == before


def test_envelope_works_once():
    scene = funded_scene()
    data = scene.envelope(0, [limit(0, 1_000, 5)]).to_bytes()
    scene.sequencer.submit(data)
    before = scene.root()
    with pytest.raises(OpError, match="NONCE_USED"):
        scene.sequencer.submit(data)
    assert scene.root() == before


def test_truncated_envelope():
    scene = funded_scene()
    with pytest.raises(OpError, match="ENVELOPE_TRUNCATED"):
        scene.sequencer.submit(scene.envelope(0, [limit(0, 1, 1)]).to_bytes()[:-1])


def test_priority_records_come_in_order():
    scene = new_scene()
    first, second, *_ = setup_records()
    with pytest.raises(OpError, match="PRIORITY_OUT_OF_ORDER"):
        scene.sequencer.submit_priority(second.to_bytes())
    scene.sequencer.submit_priority(first.to_bytes())
    scene.sequencer.submit_priority(second.to_bytes())


# --- time and continuations --------------------------------------------------------------


def test_time_follows_the_clock_by_the_second():
    scene = funded_scene()
    scene.clock.ms = START_MS + 999
    scene.sequencer.tick()
    assert scene.sequencer.state.header().now_s == START_MS // 1000
    scene.clock.ms = START_MS + 1_000
    scene.sequencer.tick()
    assert scene.sequencer.state.header().now_s == START_MS // 1000 + 1


def test_clock_that_jumps_back():
    scene = funded_scene()
    scene.clock.ms = START_MS + 5_000
    scene.sequencer.tick()
    scene.clock.ms = START_MS
    assert scene.send(0, [limit(0, 1_000, 5)]).arrival_ms == START_MS + 5_000


def test_due_orders_expire_before_the_next_envelope():
    scene = funded_scene()
    expiry_s = START_MS // 1000 + 10
    scene.send(0, [limit(0, 1_000, 5, is_ask=True, expiry_s=expiry_s) for _ in range(40)])
    scene.send(0, [limit(0, 1_000, 5, is_ask=True, expiry_s=expiry_s) for _ in range(40)])
    scene.clock.ms += 10_000
    receipt = scene.send(1, [limit(1, 1_000, 5)])
    assert kinds(receipt) == [EventKind.RESTED]  # nothing left to trade with
    batch = scene.sequencer.seal()
    # 80 expiries at 64 steps each take two RUN_DUTIES.
    assert system_ops(batch.envelopes)[-4:] == [
        OpKind.ADVANCE_TIME,
        OpKind.RUN_DUTIES,
        OpKind.RUN_DUTIES,
        OpKind.SEAL_BATCH,
    ]


def test_continuation_is_worked_off_at_once():
    scene = funded_scene()
    fill_book(scene, 0, 2 * MAX_STEPS + 2)
    receipt = scene.send(1, [limit(1, 1_000, 500)])
    assert kinds(receipt).count(EventKind.FILL) == 2 * MAX_STEPS + 2
    assert kinds(receipt).count(EventKind.CONTINUED) == 2
    assert kinds(receipt)[-1] == EventKind.RESTED
    assert not scene.sequencer.state.is_continuation_pending()


# --- restart -----------------------------------------------------------------------------


def busy_scene(journal):
    scene = funded_scene(journal)
    fill_book(scene, 0, MAX_STEPS + 6)
    scene.sequencer.seal()
    scene.clock.ms += 1_500
    scene.send(1, [limit(1, 1_000, 3), limit(1, 900, 7)])
    scene.send(0, [op.Withdraw(account=ACCOUNTS[0], asset=0, amount=70)], slot=0)
    scene.sequencer.seal()
    scene.send(0, [op.CancelAll(account=ACCOUNTS[0])])
    return scene


def test_replay_rebuilds_root_and_batches(journal_path, open_journal):
    scene = busy_scene(open_journal(journal_path))
    scene.journal.close()
    again = restart(open_journal(journal_path))
    assert root_of(again) == scene.root()
    assert again.sealed == scene.sequencer.sealed
    assert len(again.sealed) == 2
    # It goes on where it was, and seals the open batch alike.
    assert again.seal().number == 3


def test_replay_of_every_prefix_is_a_state_that_was(journal_path, open_journal, tmp_path):
    scene = busy_scene(open_journal(journal_path))
    envelopes = list(scene.journal.entries())
    core = GENESIS.new_core()
    roots = [core.root()]
    for envelope in envelopes:
        core.apply_envelope(envelope)
        roots.append(core.root())
    for count in range(len(envelopes)):
        path = tmp_path / f"prefix-{count}"
        with Journal(path, DEPLOYMENT) as journal:
            for envelope in envelopes[:count]:
                journal.append(envelope)
        # What a crash left undone is worked off on the restart.
        is_undone = system_ops(envelopes[count : count + 1]) == [OpKind.CONTINUE]
        assert root_of(restart(open_journal(path))) == roots[count + is_undone]


def test_crash_before_a_continuation(journal_path, open_journal, tmp_path):
    scene = busy_scene(open_journal(journal_path))
    envelopes = list(scene.journal.entries())
    assert system_ops(envelopes)[-1] == OpKind.CONTINUE
    path = tmp_path / "cut"
    with Journal(path, DEPLOYMENT) as journal:
        for envelope in envelopes[:-1]:
            journal.append(envelope)
    again = restart(open_journal(path))
    assert root_of(again) == scene.root()
    assert list(again._journal.entries()) == envelopes


def test_journal_with_a_foreign_envelope_is_refused(journal_path, open_journal):
    scene = funded_scene()
    with Journal(journal_path, DEPLOYMENT) as journal:
        journal.append(scene.envelope(0, [limit(0, 1, 1)]).to_bytes())
    with pytest.raises(OpError, match="UNKNOWN_ACCOUNT"):
        restart(open_journal(journal_path))


@pytest.mark.parametrize(
    "options",
    [
        {"l1_chain_id": 1, "gateway": b"\x0b" * 20, "chain_id": 5},
        {"l1_chain_id": 1337, "gateway": b"\x0c" * 20, "chain_id": 5},
        {"l1_chain_id": 1337, "gateway": b"\x0b" * 20, "chain_id": 6},
    ],
    ids=["other L1", "other gateway", "other chain"],
)
def test_journal_of_another_deployment_is_refused(journal_path, open_journal, options):
    open_journal(journal_path)
    other = SigningDomain(**options).deployment_hash(CONFIG_HASH)
    with pytest.raises(JournalError, match="no journal of this deployment"):
        Journal(journal_path, other)


# --- a failing journal -------------------------------------------------------------------


class FullDisk:
    """A journal whose disk is full from some call on."""

    def __init__(self, journal, *, appends_left=10**9, syncs_left=10**9):
        self.journal, self.appends_left, self.syncs_left = journal, appends_left, syncs_left

    def append(self, envelope):
        self.appends_left -= 1
        if self.appends_left < 0:
            raise OSError(28, "No space left on device")
        self.journal.append(envelope)

    def sync(self):
        self.syncs_left -= 1
        if self.syncs_left < 0:
            raise OSError(5, "Input/output error")
        self.journal.sync()


def assert_stopped(scene):
    sequencer, before = scene.sequencer, scene.root()
    record = setup_records()[0].to_bytes()
    for call in (
        lambda: scene.send(0, [limit(0, 1_000, 5)]),
        lambda: sequencer.submit_priority(record),
        sequencer.tick,
        sequencer.seal,
    ):
        with pytest.raises(SequencerStoppedError, match="restart from the journal"):
            call()
    assert scene.root() == before


@pytest.mark.parametrize("appends_left", [0, 1])
def test_failed_append_stops_the_sequencer(journal_path, open_journal, appends_left):
    """The envelope itself, and one after the step of the time that it caused."""
    scene = funded_scene(open_journal(journal_path))
    before = scene.root()
    scene.sequencer._journal = FullDisk(scene.journal, appends_left=appends_left)
    scene.clock.ms += 1_000 * appends_left
    with pytest.raises(SequencerStoppedError) as caught:
        scene.send(0, [limit(0, 1_000, 5)])
    assert isinstance(caught.value.__cause__, OSError)
    scene.sequencer._journal = scene.journal  # space again: it stays stopped
    assert_stopped(scene)
    scene.journal.close()
    again = restart(open_journal(journal_path))
    assert again.state.top_of_book(MARKET).bid is None
    assert (root_of(again) == before) == (appends_left == 0)


def test_unsynced_batch_is_not_shown(journal_path, open_journal):
    scene = funded_scene(open_journal(journal_path))
    scene.sequencer.seal()
    scene.sequencer._journal = FullDisk(scene.journal, syncs_left=0)
    with pytest.raises(SequencerStoppedError):
        scene.sequencer.seal()
    assert [each.number for each in scene.sequencer.sealed] == [1]
    assert_stopped(scene)


def test_interrupted_write_stops_the_sequencer(journal_path, open_journal, monkeypatch):
    scene = funded_scene(open_journal(journal_path))

    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scene.journal, "append", interrupt)
        with pytest.raises(KeyboardInterrupt):
            scene.send(0, [limit(0, 1_000, 5)])
    assert_stopped(scene)


def test_refused_envelope_does_not_stop(journal_path, open_journal):
    scene = funded_scene(open_journal(journal_path))
    with pytest.raises(OpError):
        scene.send(0, [limit(0, 1_000, 5)], key=AGENTS[1])
    assert kinds(scene.send(0, [limit(0, 1_000, 5)])) == [EventKind.RESTED]


# --- bound of a batch --------------------------------------------------------------------


def test_batch_is_sealed_before_its_withdrawals_are_too_many(
    journal_path, open_journal, monkeypatch
):
    monkeypatch.setattr("offchain.engine.writer.BATCH_WITHDRAWALS_MAX", 90)
    scene = funded_scene(open_journal(journal_path))
    withdrawals = [op.Withdraw(account=ACCOUNTS[0], asset=0, amount=1)] * 40
    for _ in range(5):
        scene.send(0, withdrawals, slot=0)
    scene.sequencer.seal()
    counts = [len(each.withdrawals) for each in scene.sequencer.sealed]
    assert counts == [80, 80, 40]
    scene.journal.close()
    monkeypatch.undo()  # a replay seals where the journal says so
    assert restart(open_journal(journal_path)).sealed == scene.sequencer.sealed
