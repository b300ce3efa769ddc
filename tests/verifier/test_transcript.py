"""The transcript against messages put together by hand."""

import pytest
from eth_hash.auto import keccak

from offchain.prover.hash_suites import HashSuite, is_ground, leaf_digest, node_digest
from offchain.security.parameters import KECCAK256, POSEIDON2
from offchain.spec.constants import GOLDILOCKS_P as P
from offchain.verifier.transcript import Transcript, element_bytes, message_digest


def test_absorbing_and_drawing_follow_the_protocol_document():
    transcript = Transcript(KECCAK256)
    transcript.absorb("main", b"abc")
    state = keccak(b"HRabsorbmain\0\0\0\0" + bytes(32) + bytes(7) + b"\x03abc")
    drawn = transcript.draw_element("gamma")
    state = keccak(b"HRdraw00gamma\0\0\0" + state)
    blocks = [keccak(b"HRblock0" + state + bytes(7) + bytes([j])) for j in range(4)]
    halves = (blocks[0][:16], blocks[0][16:], blocks[1][:16])
    assert drawn == tuple(int.from_bytes(half, "big") % P for half in halves)

    indices = transcript.draw_indices("queries", 5, 1 << 20)
    state = keccak(b"HRdraw00queries\0" + state)
    words = b"".join(keccak(b"HRblock0" + state + bytes(7) + bytes([j])) for j in range(2))
    expected = [int.from_bytes(words[i : i + 8], "big") % (1 << 20) for i in range(0, 40, 8)]
    assert indices == expected
    assert transcript.challenges == [("gamma", drawn), ("queries", tuple(expected))]

    nonce = next(n for n in range(10_000) if transcript.is_ground(n, 8))
    assert keccak(b"HRgrind0" + state + nonce.to_bytes(8, "big"))[0] == 0
    assert not all(transcript.is_ground(n, 8) for n in range(10))


@pytest.mark.parametrize("suite", [KECCAK256, POSEIDON2])
def test_where_data_is_split_matters(suite):
    def challenge(*absorbed):
        transcript = Transcript(suite)
        for label, data in absorbed:
            transcript.absorb(label, data)
        return transcript.draw_element("x")

    seen = {
        challenge(("a", b"12345678")),
        challenge(("a", b"1234"), ("a", b"5678")),
        challenge(("b", b"12345678")),
        challenge(("a", b"12345678\0")),
        challenge(("a", b"12345678\0\0")),
        challenge(("a", b"12345678"), ("a", b"")),
    }
    assert len(seen) == 6


def test_poseidon2_takes_data_that_is_no_field_element():
    transcript = Transcript(POSEIDON2)
    transcript.absorb("main", b"\xff" * 35)
    assert all(limb < P for limb in transcript.draw_element("gamma"))
    assert not transcript.is_ground(P, 0)  # a nonce must be canonical


@pytest.mark.parametrize("suite", [KECCAK256, POSEIDON2])
def test_hashes_are_those_of_the_prover(suite):
    row, salt = [1, P - 1, 3], [5, 6]
    prover_suite = HashSuite(suite)
    words = b"".join(word.to_bytes(8, "big") for word in (*salt, *row))
    leaf = message_digest(suite, b"HRleaf01" + words)
    assert leaf == leaf_digest(prover_suite, row, salt)
    zeros = bytes(24) if suite == KECCAK256 else b""
    node = message_digest(suite, b"HRnode01" + zeros + leaf + leaf)
    assert node == node_digest(prover_suite, leaf, leaf)
    assert message_digest(suite, b"HRinje01" + zeros + leaf + node + leaf) == node_digest(
        prover_suite, leaf, node, leaf
    )


@pytest.mark.parametrize("suite", [KECCAK256, POSEIDON2])
def test_grinding_is_that_of_the_prover(suite):
    transcript = Transcript(suite)
    transcript.absorb("final", b"\x01")
    prefix = b"HRgrind0" + transcript._state
    found = [transcript.is_ground(nonce, 3) for nonce in range(32)]
    assert found == [is_ground(HashSuite(suite), prefix, nonce, 3) for nonce in range(32)]
    assert any(found)


def test_elements_are_written_constant_first():
    assert element_bytes([(1, 2, P - 1)]) == bytes.fromhex(
        "00000000000000010000000000000002ffffffff00000000"
    )
