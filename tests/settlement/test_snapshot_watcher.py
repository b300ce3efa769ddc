"""Snapshots of the oracle hub: from L1 to the sequencer, and what L1 makes of leaving one out."""

from dataclasses import replace

import pytest
from eth_utils.address import is_address, to_canonical_address, to_checksum_address

from offchain.settlement.devnet import ETHER_ASSET
from offchain.settlement.l1 import ContractRevertedError
from offchain.settlement.oracle_feeds import ChainlinkFeed
from offchain.settlement.oracle_hub import FeedSet
from offchain.settlement.snapshot_watcher import SnapshotFeed, SnapshotWatcher
from offchain.settlement.watcher import WatcherError
from offchain.spec import risk_op
from offchain.spec.checks import OpError
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import Subtree
from offchain.spec.l1_op import AdminFeed
from offchain.spec.risk_records import AssetRisk
from tests.settlement.scene import deployed_system

SET_ID = 4
ETHER_RISK_LEAF = 1_024 + ETHER_ASSET
PRICE_E8 = 3_000 * 10**8
HOUR_S = 3_600


def with_checksums(words):
    """Addresses as web3 wants them."""
    return tuple(to_checksum_address(word) if is_address(word) else word for word in words)


class HubScene:
    """A chain whose ether is priced by a feed of the hub."""

    def __init__(self, system):
        self.system, self.l1 = system, system.l1
        self.hub = system.deployment.contracts["OracleHub"]
        self.aggregator = self.l1.deploy("AggregatorMock", 8, PRICE_E8)
        source = to_canonical_address(self.aggregator)
        feed_set = FeedSet(60, (ChainlinkFeed(source, 8, HOUR_S, 1, 10**20),))
        interval_s, feeds = feed_set.arguments()
        arguments = (SET_ID, interval_s, [with_checksums(feed) for feed in feeds])
        self.l1.transact("OracleHub", self.hub, "register_feed_set", *arguments)
        self.feed = SnapshotFeed(self.l1, self.hub, SET_ID, system.sequencer)

    def snapshot(self):
        self.l1.advance_time(60)
        self.l1.transact("OracleHub", self.hub, "snapshot", SET_ID)

    def list_ether(self):
        self.system.enqueue(
            risk_op.AdminAssetRisk(
                asset=ETHER_ASSET,
                flags=0,
                margin_weight_ppm=900_000,
                liquidation_weight_ppm=930_000,
                exchange_discount_ppm=10_000,
                growth_cap_ppm=0,
                heartbeat_s=HOUR_S,
                tier_units=0,
                user_cap_units=10**12,
            )
        )
        self.system.enqueue(AdminFeed(entry=0, asset=ETHER_ASSET, price_feed=0, on=1))
        self.system.service.feed_priority()

    def price_e8(self):
        leaf = self.system.sequencer.state.leaf(Subtree.RISK, ETHER_RISK_LEAF)
        return AssetRisk.from_bytes(leaf).price_e8


@pytest.fixture
def scene(tmp_path):
    with deployed_system(tmp_path, feed_set_id=SET_ID) as system:
        yield HubScene(system)


def test_prices_reach_the_chain_and_settle(scene):
    scene.list_ether()
    scene.snapshot()
    scene.snapshot()
    assert scene.feed.feed() == 2
    assert scene.feed.feed() == 0
    assert scene.price_e8() == PRICE_E8
    settlement = scene.system.seal_and_settle()
    assert (settlement.output.oracle_first, settlement.output.oracle_next) == (0, 2)
    again = SnapshotFeed(scene.l1, scene.hub, SET_ID, scene.system.sequencer)
    scene.snapshot()
    assert again.feed() == 1
    settlement = scene.system.seal_and_settle()
    assert (settlement.output.oracle_first, settlement.output.oracle_next) == (2, 3)


def test_snapshot_cannot_be_left_out(scene):
    scene.list_ether()
    scene.snapshot()
    scene.l1.advance_time(HOUR_S + 1)
    batch = scene.system.sequencer.seal()
    with pytest.raises(ContractRevertedError, match="E38"):
        scene.system.service.settle([batch])
    skipped = replace(batch, oracle_next=1)
    with pytest.raises(ContractRevertedError, match="E15"):
        scene.system.service.settle([skipped])
    scene.feed.feed()
    scene.system.sequencer.seal()
    scene.system.service.settle(scene.system.service.unsettled())


def test_snapshot_of_the_future_waits(scene, monkeypatch):
    scene.list_ether()
    scene.snapshot()
    sequencer = scene.system.sequencer
    with monkeypatch.context() as patch:
        patch.setattr(sequencer, "_clock_ms", lambda: 0)
        assert scene.feed.feed() == 0
    assert scene.feed.feed() == 1


def test_chain_without_feeds_takes_none(scene):
    scene.snapshot()
    with pytest.raises(OpError) as refusal:
        scene.feed.feed()
    assert refusal.value.code == ErrorCode.ORACLE_OUT_OF_ORDER


def test_gap_and_foreign_accumulator_are_reported(scene, monkeypatch):
    scene.snapshot()
    scene.snapshot()
    logs = scene.l1.events("OracleHub", scene.hub, "SnapshotTaken")
    monkeypatch.setattr(scene.l1, "events", lambda *_: logs[1:])
    with pytest.raises(WatcherError, match="expected snapshot 0, L1 reported 1"):
        SnapshotWatcher(scene.l1, scene.hub, SET_ID).poll()
    with pytest.raises(WatcherError, match="accumulator of snapshot 1 does not follow"):
        SnapshotWatcher(scene.l1, scene.hub, SET_ID, 1, b"\x01" * 32).poll()
    assert SnapshotWatcher(scene.l1, scene.hub, SET_ID + 1).poll() == []
