"""Calls that gateway, registry and queue refuse, built on whatever state a walk has reached.

Every call goes to contracts and model; where the state leaves no doubt, the code is expected here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from random import Random
from typing import Any

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.messages import (
    AssetSum,
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
    Flow,
    Pledge,
    Version,
    channel_accumulator,
    pad_sums,
)
from offchain.settlement.model.channels import IN_FLIGHT_MAX
from offchain.settlement.model.public_output_checks import ORACLE_DELAY_S
from offchain.settlement.model.settle import ENTRIES_MAX, Settlement
from offchain.settlement.priority import FORCE_EXPIRY_S, PriorityKind
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree
from tests.onchain.evm import DEPLOYER
from tests.onchain.gateway_twins import GatewayTwins, bytes_of, hex_of
from tests.onchain.refusals import refused
from tests.settlement.epochs import OWNERS, honest_epoch, rebound
from tests.settlement.gateway_scene import (
    DEPOSITORS,
    FEE_WEI,
    STRANGER,
    UNITS,
    operator_of,
    version_of,
)

TRIES = 4
UNKNOWN_CHAIN = 90
SWEEP = 7
UNKNOWN_FLAGS = 128
NOBODY = "0x" + "0" * 40
OK = "ok"


class WrongCalls:
    """Wrong calls at one moment of a walk. `live` are chains that are not frozen, at least one."""

    def __init__(self, twins: GatewayTwins, rng: Random, live: list[int]) -> None:
        self.twins, self.rng, self.live = twins, rng, live
        self.state, self.model = twins.state, twins.model

    def make_some(self) -> None:
        """Make calls of one group, which change next to nothing."""
        self.rng.choice(self._groups())()

    def make_all(self) -> None:
        """Make calls of every group."""
        for group in self._groups():
            group()

    def make_last(self) -> None:
        """Make those that need preparations after which little can happen."""
        chain_id = self.rng.choice(self.live)
        self._fees(chain_id)
        self._full_channel(chain_id)
        self._old_times(chain_id)
        self._spent_deposit(chain_id)

    def _groups(self) -> tuple[Callable[[], None], ...]:
        return (
            *(self._words, self._lists, self._entries, self._chains),
            *(self._doors, self._claims, self._deployments),
        )

    def settle(self, code: str, settlement: Settlement) -> None:
        """Settle what is proven, and expect a code."""
        bound = rebound(settlement)
        self.twins.record(bound)
        found = self.twins.settle(bound)
        assert found == code, f"{code} expected, got {found}"

    def epoch(self, *chain_ids: int) -> Settlement:
        return honest_epoch(self.rng, self.model, list(chain_ids) or self.live).settlement

    def _words(self) -> None:
        """Make one word of a public output wrong, for a validium and for a rollup."""
        for parity in (0, 1):
            for chain_id in [i for i in self.live if i % 2 == parity][:1]:
                settlement = self.epoch(chain_id)
                output = settlement.outputs[0]
                for code, words in self._wrong_words(output):
                    wrong = replace(output, **words)
                    self.settle(code, replace(settlement, outputs=(wrong,)))

    def _wrong_words(self, output: PublicOutput) -> Iterator[tuple[str, dict[str, Any]]]:
        other = self.rng.randbytes(32)
        yield "E30", {"domain": other}
        yield "E31", {"l1_chain_id": output.l1_chain_id + 1}
        yield "E32", {"gateway": other[:20]}
        yield "E07", {"config_hash": other}
        yield "E06", {"first_batch": output.first_batch - 1}
        yield "E04", {"first_batch": output.first_batch + 1}
        yield "E33", {"last_batch": output.first_batch - 1}
        yield "E03", {"old_root": other}
        yield "E27", {"new_root": ZERO_WORD}
        settled_s = self.state.registry[output.chain_id].position.last_time_s
        if settled_s:
            yield "E08", {"first_time_s": settled_s - 1}
        yield "E09", {"first_time_s": output.last_time_s + 1}
        yield "E10", {"last_time_s": self.state.now_s + FORCE_EXPIRY_S}
        yield "E22", {"first_slot": output.last_slot + 1}
        yield "E12", {"priority_first": output.priority_first + 1}
        yield "E29", {"priority_next": self.state.queue.length(output.chain_id) + 1}
        yield "E13", {"priority_accumulator": other}
        yield "E34", {"oracle_first": output.oracle_first + 1}
        if output.oracle_first:
            yield "E35", {"oracle_next": output.oracle_first - 1}
        if output.da_mode:
            yield "E37", {"oracle_next": output.oracle_next + 1}
            yield "E15", {"oracle_accumulator": other}
            yield "E26", {"da_commitment": other}
        else:
            yield "E36", {"oracle_accumulator": other}
        yield "E25", {"da_mode": 1 - output.da_mode}

    def _lists(self) -> None:
        """Make entries, envelopes and what was read wrong."""
        for _ in range(TRIES):
            settlement = self.epoch()
            if settlement.sent:
                first, *rest = settlement.sent
                flagged = replace(first, flags=UNKNOWN_FLAGS)
                self.settle("E43", replace(settlement, sent=(flagged, *rest)))
            if settlement.channels:
                entries = list(settlement.channels)
                place = self.rng.randrange(len(entries))
                entry = entries[place]
                misread = replace(entry, received_accumulator=self.rng.randbytes(32))
                entries[place] = misread
                bound = rebound(replace(settlement, channels=tuple(entries)))
                self.twins.record(bound)
                assert self.twins.settle(bound) in {"E49", "E53"}
                entries[place] = replace(entry, peer=entry.chain_id)
                self.settle("E56", replace(settlement, channels=tuple(entries)))

    def _entries(self) -> None:
        """Let a chain pledge to itself, and send without an entry of the channel."""
        chain_id = self.rng.choice(self.live)
        own = Pledge(chain_id, chain_id, 0, pledged_units=1)
        self.settle("E58", replace(self.epoch(chain_id), pledges=(own,)))
        peer = next(i for i in self.state.registry.ids() if i != chain_id)
        left_out = self._sending(chain_id, peer, 1, flags=int(EnvelopeFlag.ATOMIC))
        self.settle("E19", left_out)
        much = Pledge(chain_id, peer, 0, pledged_units=2**61)
        self.settle("E40", replace(self._alone(chain_id), pledges=(much,)))
        ledger = self.state.ledger
        if ledger.balance[chain_id, 2] > ledger.pledged_total[chain_id, 2]:
            falling = (AssetSum(2, 1), AssetSum(1, 1), *pad_sums(())[2:])
            self.settle("E20", self._sending(chain_id, peer, 1, sums=falling))
        self.settle("E44", self._sending(chain_id, peer, 1, slot=0))
        self.settle("E45", self._sending(chain_id, peer, 1, expires_at_s=self.state.now_s))
        named = (*pad_sums(())[1:], AssetSum(5, 0))
        self.settle("E54", self._sending(chain_id, peer, 1, sums=named))
        sent = self._sending(chain_id, peer, 1).sent
        settlement = self.epoch(chain_id)
        self.settle("E63", replace(settlement, channels=(), sent=sent, received=()))

    def _chains(self) -> None:
        """Register what is no chain, and upgrade to what is no version."""
        twins, registry = self.twins, self.twins.registry
        owner, zero = bytes_of(DEPLOYER), bytes(20)
        terms = twins.scene.terms(UNKNOWN_CHAIN)
        for code, words in (
            ("C12", {"operator": zero}),
            ("C13", {"governance": zero}),
            ("C14", {"genesis_root": ZERO_WORD}),
            ("C15", {"da_mode": 2}),
            ("C30", {"feed_set_id": 2**64}),
            ("C16", {"operations_per_block": 1}),
        ):
            wrong = replace(terms, **words)
            call = (registry, "register_chain", UNKNOWN_CHAIN, wrong.to_tuple())
            found = twins.both(
                lambda wrong=wrong: self.model.register_chain(owner, UNKNOWN_CHAIN, wrong), *call
            )
            assert found == code
        chain_id = self.rng.choice(self.live)
        governance = self.state.registry[chain_id].terms.governance
        for code, version in self._wrong_versions(version_of(3, twins.scene.places.verifier)):
            assert twins.schedule_upgrade(governance, chain_id, version) == code
        version = version_of(3, twins.scene.places.verifier)
        assert twins.schedule_upgrade(governance, chain_id, version) == OK
        assert twins.activate_upgrade(chain_id) == "C22"
        assert twins.cancel_upgrade(governance, chain_id) == OK
        assert twins.cancel_upgrade(governance, chain_id) == "C20"
        assert twins.activate_upgrade(chain_id) == "C21"
        operator = operator_of(chain_id)
        assert twins.set_roles(governance, chain_id, zero, governance) == "C18"
        assert twins.set_roles(governance, chain_id, operator, zero) == "C19"
        assert twins.set_roles(STRANGER, chain_id, operator, governance) == "C17"

    @staticmethod
    def _wrong_versions(version: Version) -> Iterator[tuple[str, Version]]:
        yield "C23", replace(version, verifier=STRANGER)
        yield "C24", replace(version, program_id=ZERO_WORD)
        yield "C25", replace(version, parameters_id=ZERO_WORD)
        yield "C26", replace(version, config_hash=ZERO_WORD)

    def _doors(self) -> None:
        """Call as a stranger what is for vault, gateway and hatch."""
        twins, model, chain_id = self.twins, self.model, self.rng.choice(self.live)
        deposit = (chain_id, STRANGER, 0, 1)
        withdrawal = Withdrawal(STRANGER, 0, 1)
        claim = (chain_id, 1, 0, withdrawal, [])
        credit = (chain_id, STRANGER, 0)
        for code, name, call, arguments in (
            ("N20", "enqueue_deposit", model.enqueue_deposit, deposit),
            ("N21", "consume_withdrawal", model.consume_withdrawal, claim),
            ("N22", "consume_credit", model.consume_credit, credit),
            ("N23", "credit_escape", model.credit_escape, deposit),
        ):
            encoded = [astuple(a) if isinstance(a, Withdrawal) else a for a in arguments]
            if name == "consume_withdrawal":
                encoded = [*encoded[:3], *encoded[3], encoded[4]]
            found = twins.both(
                lambda call=call, arguments=arguments: call(STRANGER, *arguments),
                *(twins.gateway, name, *encoded),
                sender=STRANGER,
            )
            assert found == code
        record = (*([0] * 2), STRANGER, *([0] * 3), ZERO_WORD, ZERO_WORD)
        stranger = hex_of(STRANGER)
        refused("Q03", twins.queue.call, "enqueue_deposit", *deposit, sender=stranger)
        refused("Q04", twins.queue.call, "enqueue_notice", chain_id, record, sender=stranger)
        refused("Q13", twins.queue.call, "forget_limit", chain_id, sender=stranger)

    def _claims(self) -> None:
        """Claim from no batch, outside of a tree, and more than is claimable."""
        chain_id = self.rng.choice(self.live)
        owner, batch = OWNERS[0], 2**40
        asset = self.rng.choice((0, 1, 2))
        much = WithdrawalTree(chain_id, batch, [Withdrawal(owner, asset, 2**61)])
        assert self.twins.claim(much, 0) == "N01"
        settlement = self.epoch(chain_id)
        output = settlement.outputs[0]
        tree = WithdrawalTree(chain_id, output.last_batch, much.withdrawals)
        proven = replace(output, withdrawals_root=tree.root)
        self.settle(OK, replace(settlement, outputs=(proven,)))
        assert self.twins.claim(tree, 0) == "N05"
        vault = self.twins.scene.places.vault
        arguments = (chain_id, tree.batch, 2**20)
        withdrawal = tree.withdrawals[0]
        found = self.twins.both(
            lambda: self.model.consume_withdrawal(vault, *arguments, withdrawal, []),
            *(self.twins.vault, "claim", *arguments, *astuple(withdrawal), []),
        )
        assert found == "N02"

    def _deployments(self) -> None:
        """Deploy contracts that name wrong ones, and bind the registry to another gateway."""
        twins, deploy = self.twins, self.twins.evm.deploy
        places = (twins.vault, twins.registry, twins.queue, twins.snapshots, twins.data)
        right = [*(contract.address for contract in places), hex_of(STRANGER)]
        for place, code in enumerate(("N07", "N08", "N09", "N10", "N11", "N19")):
            wrong = [*right[:place], NOBODY, *right[place + 1 :]]
            refused(code, deploy, "Gateway", *wrong)
        gateway = twins.gateway.address
        refused("Q01", deploy, "PriorityQueue", NOBODY, gateway)
        refused("Q02", deploy, "PriorityQueue", twins.registry.address, NOBODY)
        refused("C01", twins.registry.call, "set_gateway", gateway)
        other = deploy("ChainRegistry", DEPLOYER)
        refused("C02", other.call, "set_gateway", NOBODY)
        refused("C03", other.call, "set_gateway", gateway)

    def _fees(self, chain_id: int) -> None:
        """Collect fees for a contract that takes no ether."""
        self.twins.wait()
        operator = self.state.registry[chain_id].terms.operator
        words = (0, 0, 0, ZERO_WORD, ZERO_WORD)
        forced = (DEPOSITORS[0], FEE_WEI, chain_id, SWEEP, *words)
        assert self.twins.enqueue_forced(*forced) == OK
        receiver = self.twins.registry.address
        sender = hex_of(operator)
        refused("Q10", self.twins.queue.call, "collect_fees", receiver, sender=sender)

    def _alone(self, chain_id: int, **words: Any) -> Settlement:
        """Settle a batch of one chain without lists."""
        output = self.epoch(chain_id).outputs[0]
        return Settlement(outputs=(replace(output, withdrawals_root=ZERO_WORD, **words),))

    def _consuming_nothing(self, chain_id: int) -> dict[str, Any]:
        """Words of an output that leaves all records in the queue."""
        consumed = self.state.registry[chain_id].position.priority_consumed
        accumulator = self.state.queue.accumulator_after(chain_id, consumed)
        return {"priority_next": consumed, "priority_accumulator": accumulator}

    def _full_channel(self, chain_id: int) -> None:
        """Send one more than may be in flight."""
        peer = next(i for i in self.state.registry.ids() if i != chain_id)
        waiting = 0
        while waiting <= IN_FLIGHT_MAX:
            channel = self.state.channels[chain_id, peer]
            waiting = channel.sent_count - channel.received_count
            count = min(ENTRIES_MAX, IN_FLIGHT_MAX + 1 - waiting)
            waiting += count
            code = OK if waiting <= IN_FLIGHT_MAX else "E47"
            self.settle(code, self._sending(chain_id, peer, count))

    def _sending(self, chain_id: int, peer: int, count: int, **words: Any) -> Settlement:
        """Settle nothing but empty envelopes to a peer, all with these words."""
        settlement = self._alone(chain_id)
        out, into = self.state.channels[chain_id, peer], self.state.channels[peer, chain_id]
        output = settlement.outputs[0]
        first_slot = max(output.last_slot, out.last_slot)
        expires_at_s = max(out.last_expiry_s, self.state.now_s + FORCE_EXPIRY_S)
        sent = tuple(
            Envelope(
                *(chain_id, peer, out.sent_count + number, first_slot + number, expires_at_s, 0),
                self.rng.randbytes(32),
                pad_sums(()),
            )
            for number in range(1, count + 1)
        )
        sent = tuple(replace(envelope, **words) for envelope in sent)
        entry = ChannelEntry(
            chain_id,
            peer,
            out.sent_count + count,
            channel_accumulator(sent, out.sent_accumulator),
            into.received_count,
            into.received_accumulator,
        )
        output = replace(output, last_slot=first_slot + count)
        return Settlement(outputs=(output,), channels=(entry,), sent=sent)

    def _old_times(self, chain_id: int) -> None:
        """Leave out a snapshot, a record, and settle a time of long ago."""
        chain = self.state.registry[chain_id]
        feed_set_id = chain.terms.feed_set_id
        self.settle(OK, self.epoch(chain_id))
        self.twins.wait()
        assert self.twins.deposit(chain_id, DEPOSITORS[0], 0, 1) == OK
        if feed_set_id:
            consumed = self.state.registry[chain_id].position.oracle_consumed
            accumulator = self.twins.scene.oracle.accumulator_after(feed_set_id, consumed)
            self.twins.take_snapshot(feed_set_id)
            self.twins.wait(ORACLE_DELAY_S + 1)
            idle = {"oracle_next": consumed, "oracle_accumulator": accumulator}
            self.settle("E38", self._alone(chain_id, **idle))
        settled_s = self.state.registry[chain_id].position.last_time_s
        self.twins.wait(FORCE_EXPIRY_S + 1)
        self.settle("E14", self._alone(chain_id, **self._consuming_nothing(chain_id)))
        old = {"first_time_s": settled_s, "last_time_s": settled_s}
        self.settle("E11", self._alone(chain_id, **old))

    def _spent_deposit(self, chain_id: int) -> None:
        """Prove a deposit as spent that no record consumed, freeze, and refund it."""
        self.settle(OK, self.epoch(chain_id))
        self.twins.wait()
        assert self.twins.deposit(chain_id, DEPOSITORS[0], 0, UNITS) == OK
        record = self.state.queue.queued(chain_id, self.state.queue.length(chain_id) - 1).record
        unassigned = self.state.ledger.unassigned[chain_id, 0]
        spending = self._alone(chain_id, **self._consuming_nothing(chain_id))
        self.settle(OK, replace(spending, flows=(Flow(chain_id, 0, unassigned, 0),)))
        output = self.epoch(chain_id).outputs[0]
        other = replace(output, new_root=self.rng.randbytes(32))
        version = self.state.registry[chain_id].terms.version
        for proven in (output, other):
            self.twins.prove(version, proven)
        assert self.twins.refund_deposit(chain_id, record) == "N12"
        assert self.twins.raise_alarm(output, other) == OK
        more = replace(record, amount_units=record.amount_units + 1)
        assert self.twins.refund_deposit(chain_id, more) == "N15"
        admin = replace(record, kind=int(PriorityKind.ADMIN))
        assert self.twins.refund_deposit(chain_id, admin) == "N13"
        assert self.twins.refund_deposit(chain_id, record) == "N24"
