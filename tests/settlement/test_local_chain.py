"""The embedded chain, and the whole way from deposits to claims through the encoders."""

import pytest

from offchain.settlement import local_chain
from offchain.settlement.attestation import attest
from offchain.settlement.devnet import (
    ATTESTED_PARAMETERS_ID,
    ATTESTED_PROGRAM_ID,
    CUSTODY_TOKEN,
    ETHER_ASSET,
    ChainParameters,
    deploy_devnet,
)
from offchain.settlement.local_chain import ContractRevertedError, LocalChain
from offchain.settlement.messages import Flow, flows_root
from offchain.settlement.priority import PriorityRecord, accumulate_all
from offchain.settlement.public_output import PublicOutput
from offchain.settlement.withdrawals import Withdrawal, WithdrawalTree

CHAIN_ID = 7
CONFIG_HASH = b"\x01" * 32
GENESIS_ROOT = b"\x02" * 32
DEPOSITOR_COUNT = 20
ETHER_WEI = 10**18
UNITS_PER_TOKEN = 10**8


@pytest.fixture
def chain():
    return LocalChain(account_count=3 + DEPOSITOR_COUNT)


@pytest.fixture
def deployment(chain):
    _, operator, governance = chain.accounts[:3]
    return deploy_devnet(
        chain,
        ChainParameters(CHAIN_ID, operator, governance, CONFIG_HASH, GENESIS_ROOT),
    )


def address_bytes(address):
    return bytes.fromhex(address[2:])


def watched_records(chain, queue):
    events = [log["args"] for log in chain.events("PriorityQueue", queue, "PriorityQueued")]
    records = [PriorityRecord.from_event(event) for event in events]
    for count, event in enumerate(events, start=1):
        assert accumulate_all(records[:count]) == event["accumulator"]
    return records


def test_deposits_to_claims(chain, deployment):
    vault, gateway = deployment.vault, deployment.gateway
    operator = chain.accounts[1]
    for number, depositor in enumerate(chain.accounts[3:], start=1):
        amount_wei = number * ETHER_WEI
        chain.transact(
            "CollateralVault",
            vault,
            "deposit",
            CHAIN_ID,
            ETHER_ASSET,
            amount_wei,
            sender=depositor,
            value_wei=amount_wei,
        )
    records = watched_records(chain, deployment.queue)
    assert [record.account_id for record in records] == list(range(1, DEPOSITOR_COUNT + 1))
    tree = WithdrawalTree(
        CHAIN_ID,
        1,
        [Withdrawal(record.sender, record.asset_id, record.amount_units) for record in records],
    )
    units = sum(record.amount_units for record in records)
    flow = Flow(CHAIN_ID, ETHER_ASSET, units, units)
    output = PublicOutput(
        l1_chain_id=chain.chain_id,
        gateway=address_bytes(gateway),
        chain_id=CHAIN_ID,
        config_hash=CONFIG_HASH,
        old_root=GENESIS_ROOT,
        new_root=b"\x03" * 32,
        first_batch=1,
        last_batch=1,
        first_time_s=chain.now_s,
        last_time_s=chain.now_s,
        first_slot=1,
        last_slot=9,
        priority_first=0,
        priority_next=len(records),
        priority_accumulator=accumulate_all(records),
        flows_root=flows_root([flow]),
        withdrawals_root=tree.root,
    )
    facts = deployment.contracts["AttestedFacts"]
    ids = (ATTESTED_PROGRAM_ID, ATTESTED_PARAMETERS_ID)
    signature = attest(output, chain.private_key(operator))
    chain.transact("AttestedFacts", facts, "attest", *ids, output.digest(), signature)
    arguments = ([output.to_tuple()], [flow.to_tuple()], [], [], [], [])
    chain.transact("Gateway", gateway, "settle", *arguments)
    (settled,) = chain.events("Gateway", gateway, "Settled")
    assert settled["args"]["public_output_hash"] == output.digest()
    with pytest.raises(ContractRevertedError, match=r"^E06: replay of a settled batch\. "):
        chain.transact("Gateway", gateway, "settle", *arguments)

    balances_wei = [chain.balance_wei(depositor) for depositor in chain.accounts[3:]]
    for index, record in enumerate(records):
        chain.transact(
            "CollateralVault",
            vault,
            "claim",
            CHAIN_ID,
            1,
            index,
            record.sender,
            record.asset_id,
            record.amount_units,
            tree.path(index),
        )
    assert chain.balance_wei(vault) == 0
    for number, (before_wei, depositor) in enumerate(
        zip(balances_wei, chain.accounts[3:], strict=True), start=1
    ):
        assert chain.balance_wei(depositor) == before_wei + number * ETHER_WEI
    assert len(chain.gas_used["deposit"]) == len(chain.gas_used["claim"]) == DEPOSITOR_COUNT
    assert len(chain.gas_used["settle"]) == 1


def test_revert_of_a_call(chain, deployment):
    with pytest.raises(ContractRevertedError, match=r"^C27: chain is not registered\. "):
        chain.call("Gateway", deployment.gateway, "position", CHAIN_ID + 1)


def test_revert_of_a_deployment(chain):
    with pytest.raises(ContractRevertedError, match=r"^O01: "):
        chain.deploy("CollateralVault", *["0x" + "00" * 20] * 3)


def test_revert_without_reason(chain, deployment):
    """A token's own arithmetic check gives none."""
    with pytest.raises(ContractRevertedError):
        chain.transact(
            "TokenMock", deployment.contracts["TokenMock"], "transfer", chain.accounts[1], 1
        )


def test_reverted_transaction_is_not_counted(chain, deployment):
    counted = len(chain.gas_used["register_asset"])
    terms = (deployment.contracts["TokenMock"], CUSTODY_TOKEN, False, 1, 1, 1)
    with pytest.raises(ContractRevertedError, match=r"^V02: "):
        chain.transact("CollateralVault", deployment.vault, "register_asset", 0, terms)
    assert len(chain.gas_used["register_asset"]) == counted


def test_transaction_over_the_limit_is_out_of_gas(chain, deployment, monkeypatch):
    monkeypatch.setattr(local_chain, "MAX_TRANSACTION_GAS", 30_000)
    mint = ("TokenMock", deployment.contracts["TokenMock"], "mint", chain.accounts[1], 10**6)
    with pytest.raises(ContractRevertedError, match=r"^out of gas: more than 30,000$"):
        chain.transact(*mint)


def test_calldata_has_a_floor_by_the_rules_of_prague():
    for charges_floor, gas in ((True, 40 * 1_000), (False, 16 * 1_000)):
        chain = LocalChain(account_count=2, charges_calldata_floor=charges_floor)
        sent = {"from": chain.accounts[0], "to": chain.accounts[1], "data": b"\1" * 1_000}
        receipt = chain.web3.eth.get_transaction_receipt(chain.web3.eth.send_transaction(sent))
        assert receipt["gasUsed"] == 21_000 + gas


def test_code(chain, deployment):
    assert chain.code(deployment.gateway)
    assert chain.code(chain.accounts[0]) == b""


def test_events_by_indexed_argument(chain, deployment):
    listed = chain.events("CollateralVault", deployment.vault, "AssetRegistered")
    assert len(listed) == 3
    indexed = {"asset_id": ETHER_ASSET}
    found = chain.events("CollateralVault", deployment.vault, "AssetRegistered", indexed=indexed)
    assert [log["args"]["asset_id"] for log in found] == [ETHER_ASSET]


def test_time(chain):
    before_s = chain.now_s
    chain.advance_time(1_000)
    assert chain.now_s == before_s + 1_000


def test_key_of_an_unknown_account(chain):
    with pytest.raises(KeyError, match="not an account"):
        chain.private_key("0x" + "00" * 20)
