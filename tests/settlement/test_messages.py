"""Structs of the gateway: words as the ABI has them, hashes, accumulators, events."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from offchain.settlement.abi import ZERO_WORD
from offchain.settlement.contracts import compiled_by_name
from offchain.settlement.events import EventDecoder, UnknownEventError
from offchain.settlement.messages import (
    AssetSum,
    ChainTerms,
    ChannelEntry,
    Envelope,
    Flow,
    Pledge,
    Position,
    Version,
    channel_accumulator,
    channels_root,
    data_commitment,
    flows_root,
    pad_sums,
    pledges_root,
)

WORD = st.integers(0, 2**256 - 1)
HASH = st.binary(min_size=32, max_size=32)
ADDRESS = st.binary(min_size=20, max_size=20)
VERSIONS = st.builds(Version, ADDRESS, HASH, HASH, HASH)
SUMS = st.lists(st.builds(AssetSum, WORD, WORD), max_size=4).map(pad_sums)
ENVELOPES = st.builds(Envelope, WORD, WORD, WORD, WORD, WORD, WORD, HASH, SUMS)
STRUCTS = st.one_of(
    VERSIONS,
    ENVELOPES,
    st.builds(ChainTerms, VERSIONS, ADDRESS, ADDRESS, HASH, WORD, WORD, WORD, WORD),
    st.builds(Position, HASH, WORD, WORD, WORD, WORD, WORD, HASH),
    st.builds(Flow, WORD, WORD, WORD, WORD),
    st.builds(ChannelEntry, WORD, WORD, WORD, HASH, WORD, HASH),
    st.builds(Pledge, WORD, WORD, WORD, WORD, WORD),
)


@given(STRUCTS)
def test_a_struct_is_encoded_as_the_abi_has_it_and_comes_back(struct):
    assert struct.to_bytes() == encode([struct.ABI_TYPE], [struct.to_tuple()])
    assert type(struct).from_bytes(struct.to_bytes()) == struct


def test_an_envelope_has_fifteen_words():
    assert len(Envelope(1, 2, 1, 1, 1).to_bytes()) == 15 * 32


@pytest.mark.parametrize("value", [-1, 2**256])
def test_a_number_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="unsigned integer"):
        Flow(1, value).to_bytes()


def test_a_hash_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Envelope(1, 2, 1, 1, 1, payload_hash=bytes(31)).to_bytes()


def test_an_envelope_extends_its_channel_by_its_hash():
    envelope = Envelope(1, 2, 3, 4, 5, 1, b"\x07" * 32, pad_sums([AssetSum(8, 9)]))
    words = encode(["uint256"] * 6 + ["bytes32"], [1, 2, 3, 4, 5, 1, b"\x07" * 32])
    words += encode(["uint256"] * 8, [8, 9, 0, 0, 0, 0, 0, 0])
    digest = keccak(b"HRenve01" + words)
    assert envelope.digest() == digest
    assert channel_accumulator([envelope], b"\x01" * 32) == keccak(
        b"HRmsgs01" + b"\x01" * 32 + digest
    )


@pytest.mark.parametrize(
    ("root_of", "tag", "entries"),
    [
        (flows_root, b"HRflow01", [Flow(1, 2, 3, 4), Flow(1, 5, 6, 7)]),
        (
            channels_root,
            b"HRchan01",
            [ChannelEntry(1, 2, 3, b"\x04" * 32, 5, b"\x06" * 32), ChannelEntry(1, 7)],
        ),
        (pledges_root, b"HRpled01", [Pledge(1, 2, 3, 4, 5), Pledge(1, 6, 7)]),
    ],
)
def test_a_root_is_over_the_entries_without_their_chain(root_of, tag, entries):
    root = ZERO_WORD
    assert root_of([]) == root
    for entry in entries:
        root = keccak(tag + root + entry.to_bytes()[32:])
    assert root_of(entries) == root


def test_a_commitment_is_over_the_chunks():
    first = keccak(b"HRdata01" + ZERO_WORD + keccak(b"one"))
    assert data_commitment([b"one"]) == first
    assert data_commitment([b"two"], first) == data_commitment([b"one", b"two"])


EVENT_ABI = [
    {
        "type": "event",
        "name": "EnvelopeInFlight",
        "inputs": [
            {"name": "from_chain", "type": "uint256", "indexed": True},
            {"name": "holder", "type": "address", "indexed": True},
            {"name": "note", "type": "string", "indexed": True},
            {"name": "accumulator", "type": "bytes32", "indexed": False},
            {
                "name": "sums",
                "type": "tuple[2]",
                "indexed": False,
                "components": [
                    {"name": "asset_id", "type": "uint256"},
                    {"name": "units", "type": "uint256"},
                ],
            },
        ],
    }
]
EVENT_TOPIC = keccak(text="EnvelopeInFlight(uint256,address,string,bytes32,(uint256,uint256)[2])")


def test_a_log_is_decoded_by_its_abi():
    topics = [EVENT_TOPIC, encode(["uint256"], [7]), encode(["address"], ["0x" + "ab" * 20])]
    topics.append(keccak(b"note"))
    data = encode(["bytes32", "(uint256,uint256)[2]"], [b"\x01" * 32, [(1, 2), (3, 4)]])
    event = EventDecoder(EVENT_ABI).decode(topics, data)
    assert event.name == "EnvelopeInFlight"
    assert event.arguments == {
        "from_chain": 7,
        "holder": "0x" + "ab" * 20,
        "note": keccak(b"note"),
        "accumulator": b"\x01" * 32,
        "sums": ((1, 2), (3, 4)),
    }
    assert list(event.arguments) == [i["name"] for i in EVENT_ABI[0]["inputs"]]


@pytest.mark.parametrize("topics", [[], [keccak(b"another")]])
def test_a_log_of_no_event_is_refused(topics):
    with pytest.raises(UnknownEventError):
        EventDecoder(EVENT_ABI).decode(topics, b"")


def _value(argument):
    kind = argument["type"]
    if kind.startswith("tuple"):
        one = tuple(_value(part) for part in argument["components"])
        return (one,) * int(kind[6:-1]) if kind.endswith("]") else one
    others = {"address": "0x" + "ab" * 20, "bytes32": b"\x07" * 32, "bytes": b"data", "bool": True}
    return others.get(kind, 5)


EVENTS = [
    (name, entry)
    for name in ("Gateway", "ChainRegistry", "PriorityQueue", "DataAvailability", "CollateralVault")
    for entry in compiled_by_name(name).abi
    if entry["type"] == "event"
]


@pytest.mark.parametrize(
    ("contract", "entry"), EVENTS, ids=[f"{name}.{entry['name']}" for name, entry in EVENTS]
)
def test_every_event_of_the_contracts_is_decoded(contract, entry):
    values = {argument["name"]: _value(argument) for argument in entry["inputs"]}
    kinds = {argument["name"]: _kind(argument) for argument in entry["inputs"]}
    indexed = [argument["name"] for argument in entry["inputs"] if argument["indexed"]]
    plain = [name for name in values if name not in indexed]
    topics = [keccak(text=f"{entry['name']}({','.join(kinds.values())})")]
    topics += [encode([kinds[name]], [values[name]]) for name in indexed]
    data = encode([kinds[name] for name in plain], [values[name] for name in plain])
    event = EventDecoder(compiled_by_name(contract).abi).decode(topics, data)
    assert (event.name, event.arguments) == (entry["name"], values)


def _kind(argument):
    parts = ",".join(_kind(part) for part in argument.get("components", ()))
    return argument["type"].replace("tuple", f"({parts})")


def test_the_envelope_of_an_event_is_an_envelope():
    (entry,) = (e for _, e in EVENTS if e["name"] == "EnvelopeInFlight")
    (words,) = (_value(i) for i in entry["inputs"] if i["name"] == "envelope")
    envelope = Envelope.from_tuple(words)
    assert envelope.to_tuple() == words
    assert envelope.used_sums == [AssetSum(5, 5)] * 4
