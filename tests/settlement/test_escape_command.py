"""``headrace escape`` against a node: a stranger knows the URL and the deployment record alone."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from eth_account import Account as Key
from eth_utils.address import to_canonical_address

from offchain.bench.l1_scene import DEPOSIT_WEI, ETHER_UNITS, L1Scene
from offchain.cli import main
from offchain.commands.escape import KEY_VARIABLE
from offchain.settlement.deployment import Deployment
from offchain.settlement.devnet import ETHER_ASSET, QUOTE_ASSET
from offchain.settlement.escape import CLAIM_WINDOW_S, OWNER_WINDOW_S
from offchain.settlement.rebuild import RescueCode, RescueError, cached_hasher, rebuild
from offchain.settlement.rpc_chain import TEST_MNEMONIC, signing_key
from offchain.settlement.state_diff import LEAF_SIZES, UNPUBLISHED, StateDiff
from offchain.settlement.state_proofs import StateProofs
from offchain.settlement.valuation import AssetValue, ValuationTable
from offchain.spec.kinds import Subtree
from offchain.spec.state import account_index, create_account, genesis
from offchain.witness.leaf_proof import AccountProof
from tests.settlement.rpc_server import served

CHAIN, VALIDIUM, RUNNING = 7, 8, 9
LENDER, BORROWER = 32, 64  # account ids
ETHER_E8 = 3_000 * 10**8
DEBT = 1_000 * 10**8
CONFIG_HASH = b"\x21" * 32
STRANGER = Key.from_key(b"\x77" * 32)


class FrozenChain(L1Scene):
    """Two owners deposited an ether each; one owes the other 1,000 quote."""

    def __init__(self):
        super().__init__(())
        self.hasher = cached_hasher()
        governance = to_canonical_address(self.operator)
        self.first = genesis(CONFIG_HASH, governance, self.hasher)
        for chain_id, da_mode in ((CHAIN, 1), (VALIDIUM, 0), (RUNNING, 1)):
            terms = self._terms()
            terms = replace(
                terms,
                version=replace(terms.version, config_hash=CONFIG_HASH),
                genesis_root=self.first.root_bytes(),
                da_mode=da_mode,
            )
            self.send("ChainRegistry", "register_chain", chain_id, terms.to_tuple())
        for owner in (self.user, self.other_user):
            self.deposit_ether(owner, CHAIN)
        self.settle_state(self.indebted())
        self.freeze(CHAIN)
        fund = {"from": self.owner, "to": STRANGER.address, "value": 10**20}
        self.chain.web3.eth.send_transaction(fund)

    def output(self, chain_id, **words):
        return super().output(chain_id, config_hash=CONFIG_HASH, **words)

    def indebted(self):
        state = genesis(CONFIG_HASH, to_canonical_address(self.operator), self.hasher)
        debts = ((LENDER, self.user, DEBT), (BORROWER, self.other_user, -DEBT))
        for account_id, owner, quote in debts:
            create_account(state, account_id, to_canonical_address(owner))
            account = state.edit_account(account_id)
            account.asset_ids[1], account.free[1] = ETHER_ASSET + 1, ETHER_UNITS
            account.free[0] = quote
        return state

    def settle_state(self, state):
        before = {(s, n): data for s, n, data in self.first.leaves()}
        changed = {
            (s, n): data
            for s, n, data in state.leaves()
            if s in LEAF_SIZES and before.get((s, n)) != data
        }
        proofs = StateProofs(state.leaves(), self.hasher)
        ether = AssetValue(ETHER_ASSET, ETHER_E8, supply_units=2 * ETHER_UNITS)
        table = ValuationTable((), (AssetValue(QUOTE_ASSET, supply_units=DEBT), ether))
        roots = {subtree: proofs.subtree_root(subtree) for subtree in UNPUBLISHED}
        diff = StateDiff(roots, changed, table.to_bytes())
        commitment = bytes(32)
        for chunk in diff.chunks():
            arguments = (CHAIN, commitment, chunk)
            address = self._contracts["DataAvailability"]
            new = self.chain.call("DataAvailability", address, "publish_chunk", *arguments)
            self.send("DataAvailability", "publish_chunk", *arguments)
            commitment = new
        self.settle(
            [CHAIN],
            new_root=state.root_bytes(),
            valuation_hash=table.digest(),
            da_commitment=commitment,
        )

    def write_record(self, folder):
        record = Deployment(
            network="local",
            l1_chain_id=self.chain.chain_id,
            owner=self.owner,
            contracts=self._contracts,
        )
        return record.write(folder)


@pytest.fixture(scope="module")
def scene():
    return FrozenChain()


@pytest.fixture
def escape(scene, tmp_path):
    """Run the command; returns its exit code and the object that it printed."""
    record = scene.write_record(tmp_path)

    def run(*options, key=STRANGER.key, chain_id=CHAIN):
        common = ["--deployment", str(record), "--chain-id", str(chain_id), "--json"]
        with served(scene.chain) as url:
            environment = {KEY_VARIABLE: bytes(key).hex()}
            words = ["escape", "--rpc", url, *common, *options]
            result = CliRunner().invoke(main, words, env=environment)
        return result.exit_code, json.loads(result.stdout)

    return run


@pytest.mark.slow
def test_a_stranger_takes_everyone_out(scene, escape):
    _, dry = escape("--dry-run")
    assert dry["steps"] == []
    assert dry["window_ends_s"] == 0
    accounts = {entry["account_id"]: entry for entry in dry["accounts"]}
    third = ETHER_UNITS // 3
    assert accounts[BORROWER]["basket_units"] == {str(ETHER_ASSET): ETHER_UNITS - third - 1}
    assert accounts[LENDER]["basket_units"] == {str(ETHER_ASSET): ETHER_UNITS}
    assert accounts[LENDER]["owed_units"] == DEBT
    assert accounts[LENDER]["remainder_units"] == {str(ETHER_ASSET): third}

    before_wei = [scene.chain.balance_wei(owner) for owner in (scene.user, scene.other_user)]
    code, first = escape()
    assert (code, first["refused"]) == (0, 0)
    assert [step["action"] for step in first["steps"]] == ["open", *["claim"] * 4, *["pay"] * 2]
    code, again = escape()
    assert (code, again["steps"]) == (0, [])
    scene.chain.advance_time(CLAIM_WINDOW_S)
    assert escape()[1]["steps"] == []  # the remainder is the owner's to claim
    owner_key = scene.chain.private_key(scene.user)
    assert escape("--keep-remainders", key=owner_key)[1]["steps"] == []
    code, last = escape("--account", str(LENDER), key=owner_key)
    assert (code, [step["action"] for step in last["steps"]]) == (0, ["claim_remainder", "pay"])
    after_wei = [scene.chain.balance_wei(owner) for owner in (scene.user, scene.other_user)]
    unit_wei = DEPOSIT_WEI // ETHER_UNITS
    assert after_wei[1] - before_wei[1] == (ETHER_UNITS - third - 1) * unit_wei
    # The lender has paid the gas of two transactions.
    assert 0 <= (ETHER_UNITS + third) * unit_wei - (after_wei[0] - before_wei[0]) < 10**17
    assert scene.read("Gateway", "balance_units", CHAIN, ETHER_ASSET) == 1
    scene.chain.advance_time(OWNER_WINDOW_S)
    assert escape()[1]["steps"] == []


@pytest.mark.parametrize(
    ("options", "others", "code"),
    [
        (["--dry-run"], {"chain_id": VALIDIUM}, RescueCode.NOT_A_ROLLUP),
        (["--dry-run"], {"chain_id": 99}, RescueCode.NO_CHAIN),
        ([], {"chain_id": RUNNING}, RescueCode.CHAIN_RUNS),
        (["--account", "96"], {}, RescueCode.NO_ACCOUNT),
        ([], {"key": b""}, RescueCode.NO_KEY),
        ([], {"key": b"\x01"}, RescueCode.NO_KEY),
    ],
    ids=lambda value: str(value) if isinstance(value, RescueCode) else "",
)
def test_errors_have_a_code_and_a_sentence(escape, options, others, code):
    exit_code, printed = escape(*options, **others)
    assert (exit_code, printed["error"]) == (1, code)
    assert len(printed["message"].split()) > 3


@pytest.fixture
def lender_file(scene, tmp_path):
    """The proof of the lender's account, as an operator hands it out."""
    l1, index = scene.chain, account_index(LENDER)
    deployment = Deployment.read(tmp_path, scene.write_record(tmp_path).stem, l1.chain_id)
    whole = rebuild(l1, deployment, CHAIN)
    record = whole.proofs.record(Subtree.ACCOUNTS, index)
    proof = AccountProof(CHAIN, 1, whole.proofs.root, record, None, whole.state.table)
    file = tmp_path / "account.json"
    file.write_text(proof.to_json())
    return file


def test_an_owner_needs_no_events(escape, lender_file):
    code, told = escape("--dry-run", "--account-proof", str(lender_file))
    whole = escape("--dry-run", "--account", str(LENDER))[1]["accounts"]
    assert code == 0
    assert [entry["account_id"] for entry in told["accounts"]] == [LENDER]
    assert told["accounts"][0]["equity_units"] == whole[0]["equity_units"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": ""}, RescueCode.BAD_PROOF),
        ({"state_root": "00" * 32}, RescueCode.STATE_MISMATCH),
        ({"chain_id": VALIDIUM}, RescueCode.STATE_MISMATCH),
        ({"valuation_table": ""}, RescueCode.STATE_MISMATCH),
    ],
)
def test_another_proof_is_refused(escape, lender_file, change, code):
    lender_file.write_text(json.dumps(json.loads(lender_file.read_text()) | change))
    exit_code, printed = escape("--dry-run", "--account-proof", str(lender_file))
    assert (exit_code, printed["error"]) == (1, code)
    assert len(printed["message"].split()) > 3


def test_text(scene, tmp_path):
    record = str(scene.write_record(tmp_path))
    with served(scene.chain) as url:
        words = ["escape", "--rpc", url, "--deployment", record, "--chain-id", "7", "--dry-run"]
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 0
    assert result.output.startswith("The chain is frozen.")
    assert scene.other_user.lower() in result.output


def test_a_node_that_does_not_answer(scene, tmp_path):
    record = str(scene.write_record(tmp_path))
    words = ["escape", "--rpc", "http://127.0.0.1:9", "--deployment", record, "--chain-id", "7"]
    result = CliRunner().invoke(main, [*words, "--dry-run"])
    assert result.exit_code == 1
    assert RescueCode.RPC_UNREACHABLE in result.output


def test_a_record_of_another_network(scene, escape, tmp_path):
    record = scene.write_record(tmp_path)
    record.write_text(record.read_text().replace(str(scene.chain.chain_id), "1"))
    with served(scene.chain) as url:
        words = ["escape", "--rpc", url, "--deployment", str(record), "--chain-id", "7"]
        result = CliRunner().invoke(main, [*words, "--dry-run", "--json"])
    assert json.loads(result.stdout)["error"] == RescueCode.NO_DEPLOYMENT


def test_an_incomplete_record(scene, tmp_path):
    record = scene.write_record(tmp_path)
    record.write_text(record.read_text().replace("EscapeHatch", "Hatch"))
    with served(scene.chain) as url:
        words = ["escape", "--rpc", url, "--deployment", str(record), "--chain-id", "7"]
        result = CliRunner().invoke(main, [*words, "--dry-run", "--json"])
    assert json.loads(result.stdout)["error"] == RescueCode.NO_DEPLOYMENT


def test_keys_that_everyone_has_are_refused_on_live_networks():
    Key.enable_unaudited_hdwallet_features()
    seeded = Key.from_mnemonic(TEST_MNEMONIC, account_path="m/44'/60'/0'/0/3")
    for key in (seeded.key, (5).to_bytes(32, "big")):
        for network, l1_chain_id in (("mainnet", 1), ("local", 1)):
            with pytest.raises(RescueError) as refused:
                signing_key(key, network, l1_chain_id)
            assert refused.value.code == RescueCode.PUBLIC_KEY
        assert signing_key(key, "local", 1337).key == key
    assert signing_key(STRANGER.key, "mainnet", 1).address == STRANGER.address
