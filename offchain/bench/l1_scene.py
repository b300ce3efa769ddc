"""The system on an embedded L1 with chains to measure: real contracts, facts without proofs.

Vault, gateway, registry, queue, data, oracle hub, state proofs and escape hatch are those of a
deployment. Facts are recorded in a test contract before a settlement, so that its gas is that of
the settlement alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final

from eth_utils.address import to_canonical_address
from web3.types import TxReceipt

from offchain.settlement.deployer import Roles, deploy_system
from offchain.settlement.devnet import (
    CUSTODY_ETHER,
    CUSTODY_TOKEN,
    ETHER_ADDRESS,
    ETHER_ASSET,
    FORCED_FEE_WEI,
    QUOTE_ASSET,
    QUOTE_DECIMALS,
    QUOTE_SYMBOL,
    UNITS_LIMIT,
)
from offchain.settlement.local_chain import LocalChain
from offchain.settlement.messages import (
    AssetSum,
    ChainTerms,
    ChannelEntry,
    Envelope,
    EnvelopeFlag,
    Flow,
    Position,
    Version,
    channels_root,
    data_commitment,
    fact_of,
    flows_root,
    pad_sums,
)
from offchain.settlement.proof_parts import TRANSACTION_GAS
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.verifier_client import FLOOR_GAS_PER_TOKEN

FEED_SET: Final = 1
DA_ROLLUP: Final = 1
OPERATIONS_PER_BLOCK: Final = 255
DEPOSIT_WEI: Final = 10**18
DEPOSIT_QUOTE: Final = 10**9  # 1,000 of the 6-decimal token
ETHER_UNITS: Final = 10**8
QUOTE_UNITS: Final = 1_000 * 10**8
ENVELOPE_LIFE_S: Final = 3_600
_PROGRAM_ID, _PARAMETERS_ID, _CONFIG_HASH = (bytes([tag]) * 32 for tag in (1, 2, 3))
_GENESIS_ROOT: Final = b"\x09" * 32
_NON_ZERO_TOKENS: Final = 4  # EIP-7623: tokens of a byte that is not zero


@dataclass(frozen=True, slots=True)
class Sent:
    """A mined transaction.

    Attributes
    ----------
    gas
        As charged: execution, or the floor of the calldata if that is more.
    calldata_bytes
        Its calldata.
    floor_gas
        The floor (EIP-7623).
    """

    gas: int
    calldata_bytes: int
    floor_gas: int


class L1Scene:
    """A deployed system and how to drive it.

    Parameters
    ----------
    chain_ids
        Chains to register, ascending: rollups that consume the snapshots of `FEED_SET`.

    Attributes
    ----------
    chain
        The embedded L1, by the rules of Prague.
    operator, user, other_user
        Accounts; the first one owns everything.
    """

    def __init__(self, chain_ids: Sequence[int]) -> None:
        self.chain = LocalChain(account_count=4)
        self.owner, self.operator, self.user, self.other_user = self.chain.accounts
        roles = Roles(self.owner, guardian=self.operator, treasury=self.operator)
        self._contracts = dict(deploy_system(self.chain, roles).contracts)
        for name, arguments in (("FactSourceMock", ()), ("TokenMock", (QUOTE_SYMBOL, 6))):
            self._contracts[name] = self.chain.deploy(name, *arguments)
        assert QUOTE_DECIMALS == 6  # noqa: PLR2004
        for asset_id, token, kind in (
            (QUOTE_ASSET, self._contracts["TokenMock"], CUSTODY_TOKEN),
            (ETHER_ASSET, ETHER_ADDRESS, CUSTODY_ETHER),
        ):
            terms = (token, kind, False, UNITS_LIMIT, 1, UNITS_LIMIT)
            self.send("CollateralVault", "register_asset", asset_id, terms)
        self._channels: dict[tuple[int, int], tuple[int, bytes]] = {}
        for chain_id in chain_ids:
            self.send("ChainRegistry", "register_chain", chain_id, self._terms().to_tuple())

    def send(
        self, name: str, function: str, *arguments: object, sender: str = "", value_wei: int = 0
    ) -> Sent:
        """Send a transaction to a contract of the system; the owner is the default sender.

        Raises
        ------
        ContractRevertedError
            With the contract's reason.
        """
        receipt = self.chain.transact(
            name,
            self._contracts[name],
            function,
            *arguments,
            sender=sender or self.owner,
            value_wei=value_wei,
        )
        return self._sent(receipt)

    def read(self, name: str, function: str, *arguments: object) -> Any:
        """Read from a contract of the system."""
        return self.chain.call(name, self._contracts[name], function, *arguments)

    def deploy(self, name: str, *arguments: object) -> str:
        """Deploy a test contract and return its address."""
        return self.chain.deploy(name, *arguments)

    def deposit_ether(self, user: str, chain_id: int) -> Sent:
        """Deposit one ether."""
        arguments = (chain_id, ETHER_ASSET, DEPOSIT_WEI)
        return self.send(
            "CollateralVault", "deposit", *arguments, sender=user, value_wei=DEPOSIT_WEI
        )

    def deposit_quote(self, user: str, chain_id: int) -> Sent:
        """Deposit 1,000 of the token; minting and allowance are not in the figure."""
        self.send("TokenMock", "mint", user, DEPOSIT_QUOTE)
        vault = self._contracts["CollateralVault"]
        self.send("TokenMock", "approve", vault, DEPOSIT_QUOTE, sender=user)
        arguments = (chain_id, QUOTE_ASSET, DEPOSIT_QUOTE)
        return self.send("CollateralVault", "deposit", *arguments, sender=user)

    def settle(
        self,
        chain_ids: Sequence[int],
        *,
        withdrawn: Mapping[int, int] | None = None,
        with_channels: bool = False,
        **words: Any,
    ) -> Sent:
        """Settle one batch of each chain, which consumes all its deposits and snapshots.

        Parameters
        ----------
        chain_ids
            Ascending.
        withdrawn
            Units per asset that each chain withdraws.
        with_channels
            Every chain sends each other one an ATOMIC envelope with both assets.
        **words
            Words of the public outputs.
        """
        entries, envelopes = self._exchange(chain_ids) if with_channels else ([], [])
        flows = [flow for each in chain_ids for flow in self._flows(each, withdrawn or {})]
        outputs = []
        for chain_id in chain_ids:
            lists: dict[str, Any] = {
                "flows_root": flows_root(f for f in flows if f.chain_id == chain_id),
                "channels_root": channels_root(e for e in entries if e.chain_id == chain_id),
            }
            outputs.append(self.output(chain_id, **(lists | words)))
        self.record(*outputs)
        tuples = [[item.to_tuple() for item in each] for each in (flows, entries, envelopes)]
        arguments = ([output.to_tuple() for output in outputs], *tuples, [], [])
        return self.send("Gateway", "settle", *arguments, sender=self.operator)

    def record(self, *outputs: PublicOutput) -> None:
        """Make facts of public outputs."""
        for output in outputs:
            fact = fact_of(_PROGRAM_ID, _PARAMETERS_ID, output)
            self.send("FactSourceMock", "record", fact)

    def output(self, chain_id: int, **words: Any) -> PublicOutput:
        """Return the public output of a chain's next batch, its state diff published."""
        position = Position.from_tuple(self.read("Gateway", "position", chain_id))
        batch, now_s = position.last_batch + 1, self.chain.now_s
        queued = self.read("PriorityQueue", "queue_length", chain_id)
        snapshots = self.read("OracleHub", "snapshot_count", FEED_SET)
        output = PublicOutput(
            l1_chain_id=self.chain.chain_id,
            gateway=to_canonical_address(self._contracts["Gateway"]),
            chain_id=chain_id,
            config_hash=_CONFIG_HASH,
            old_root=position.state_root,
            new_root=_root(chain_id, batch),
            first_batch=batch,
            last_batch=batch,
            first_time_s=now_s,
            last_time_s=now_s,
            first_slot=position.last_slot,
            last_slot=position.last_slot + 1,
            priority_first=position.priority_consumed,
            priority_next=queued,
            priority_accumulator=self.read("PriorityQueue", "accumulator_after", chain_id, queued),
            oracle_first=position.oracle_consumed,
            oracle_next=snapshots,
            oracle_accumulator=self.read("OracleHub", "accumulator_after", FEED_SET, snapshots),
            da_mode=DA_ROLLUP,
            da_commitment=self._publish(chain_id, batch),
            inputs_commitment=_root(chain_id, batch),
            receipts_head=_root(chain_id, batch),
        )
        return replace(output, **words)

    def freeze(self, chain_id: int) -> None:
        """Freeze a chain by two facts that contradict each other."""
        outputs = [self.output(chain_id, new_root=bytes([tag]) * 32) for tag in (1, 2)]
        self.record(*outputs)
        self.send("ChainRegistry", "raise_alarm", *(output.to_tuple() for output in outputs))

    def _flows(self, chain_id: int, withdrawn: Mapping[int, int]) -> list[Flow]:
        flows = []
        for asset_id in (QUOTE_ASSET, ETHER_ASSET):
            deposited = self.read("Gateway", "unassigned_units", chain_id, asset_id)
            flow = Flow(chain_id, asset_id, deposited, withdrawn.get(asset_id, 0))
            if flow.deposited_units or flow.withdrawn_units:
                flows.append(flow)
        return flows

    def _exchange(self, chain_ids: Sequence[int]) -> tuple[list[ChannelEntry], list[Envelope]]:
        """Make one envelope of every channel, and the totals after it."""
        expires_at_s = self.chain.now_s + ENVELOPE_LIFE_S
        envelopes = []
        for sender, receiver in permutations(chain_ids, 2):
            count, accumulator = self._channels.get((sender, receiver), (0, bytes(32)))
            slot = Position.from_tuple(self.read("Gateway", "position", sender)).last_slot + 1
            envelope = Envelope(
                *(
                    sender,
                    receiver,
                    count + 1,
                    slot,
                    expires_at_s,
                    int(EnvelopeFlag.ATOMIC),
                ),  # web3 would walk into a flag,
                payload_hash=_root(sender, receiver),
                sums=pad_sums((AssetSum(QUOTE_ASSET, 10), AssetSum(ETHER_ASSET, 20))),
            )
            envelopes.append(envelope)
            self._channels[sender, receiver] = count + 1, envelope.accumulate(accumulator)
        ends = permutations(chain_ids, 2)
        entries = [
            ChannelEntry(a, b, *self._channels[a, b], *self._channels[b, a]) for a, b in ends
        ]
        return entries, envelopes

    def _publish(self, chain_id: int, batch: int) -> bytes:
        data = chain_id.to_bytes(8, "big") + batch.to_bytes(8, "big")
        self.send("DataAvailability", "publish_chunk", chain_id, bytes(32), data)
        return data_commitment([data])

    def _terms(self) -> ChainTerms:
        verifier = to_canonical_address(self._contracts["FactSourceMock"])
        role = to_canonical_address(self.operator)
        return ChainTerms(
            version=Version(verifier, _PROGRAM_ID, _PARAMETERS_ID, _CONFIG_HASH),
            operator=role,
            governance=role,
            genesis_root=_GENESIS_ROOT,
            da_mode=DA_ROLLUP,
            feed_set_id=FEED_SET,
            forced_fee_wei=FORCED_FEE_WEI,
            operations_per_block=OPERATIONS_PER_BLOCK,
        )

    def _sent(self, receipt: TxReceipt) -> Sent:
        data = bytes(self.chain.web3.eth.get_transaction(receipt["transactionHash"])["input"])
        zeros = data.count(0)
        tokens = zeros + _NON_ZERO_TOKENS * (len(data) - zeros)
        return Sent(receipt["gasUsed"], len(data), TRANSACTION_GAS + FLOOR_GAS_PER_TOKEN * tokens)


def _root(first: int, second: int) -> bytes:
    """Return 32 bytes that are not zero, different for each pair."""
    return first.to_bytes(16, "big") + (second + 1).to_bytes(16, "big")
