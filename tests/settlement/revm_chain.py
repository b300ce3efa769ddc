"""The L1 on a fast EVM, for tests that send many proofs: revm, without blocks and signatures."""

from collections import defaultdict

from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.verifier_client import Run
from tests.onchain.evm import DEPLOYER, Evm, Reverted


class RevmChain:
    """An `L1Client`, as far as verification needs one."""

    network_name = "local"
    chain_id = 1337

    def __init__(self):
        self._evm = Evm()
        self._contracts = {}
        self._events = []
        self.accounts = (DEPLOYER, "0x" + "22" * 20)
        self.gas_used = defaultdict(list)
        self.now_s = 0
        self.advance_time(1_000_000)

    def advance_time(self, seconds):
        self.now_s += seconds
        self._evm.set_time(self.now_s)

    def deploy(self, name, *args):
        contract = self._evm.deploy(name, *args)
        self._contracts[contract.address] = contract
        return contract.address

    def code(self, address):
        return self._contracts[address].code

    def transact(self, _name, address, function, *args, sender):
        outcome = self._call(address, function, *args, sender=sender)
        self.gas_used[function].append(outcome.gas_used)
        self._events += outcome.events

    def call(self, _name, address, function, *args):
        return self._call(address, function, *args, sender=DEPLOYER).values[0]

    def events(self, _name, _address, event, _from_block=0, indexed=()):
        found = [{"args": dict(fields)} for name, fields in self._events if name == event]
        found = [log for log in found if dict(indexed).items() <= log["args"].items()]
        for log in found:
            if "run" in log["args"]:
                log["args"]["run"] = Run(*log["args"]["run"])._asdict()
        return found

    def _call(self, address, function, *args, sender):
        try:
            return self._contracts[address].call(function, *args, sender=sender)
        except Reverted as error:
            raise ContractRevertedError(error.reason) from error
