"""``headrace bench``: the measurements that the README and docs/benchmarks.md state."""

import json
from typing import NoReturn

import click

from offchain.bench.batch import LARGEST_PROOF, run_batch
from offchain.bench.cascade import ROUNDS, run_cascade
from offchain.bench.gas import run_gas
from offchain.bench.harness import MIN_ROUNDS, OutputMismatchError
from offchain.bench.leaves import run_leaves
from offchain.bench.matching import DEFAULT_ROUNDS, run_matching
from offchain.bench.peers import PeerUnavailableError
from offchain.bench.prove import run_prove
from offchain.bench.verify import run_verify
from offchain.core.binding import CoreUnavailableError
from offchain.settlement.l1 import ContractRevertedError
from offchain.tools.build_native import BuildError
from offchain.tools.progress import progress_bar
from offchain.verifier.rejection import Rejected

EXIT_FAILED = 1
EXIT_PEER_UNAVAILABLE = 3

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."
)


@click.group()
def bench() -> None:
    """Measure what this machine gives: ratios side by side, and counts."""


@bench.command()
@click.option("--messages", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option(
    "--rounds",
    type=click.IntRange(min=MIN_ROUNDS),
    default=DEFAULT_ROUNDS,
    show_default=True,
    help="Turns of each contender; the best counts.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the order flow.")
@click.option("--core", type=int, help="Processor to pin to; by default the last one allowed.")
@_json_option
def matching(messages: int, rounds: int, seed: int, core: int | None, as_json: bool) -> None:
    """Time our core against the C++ headers of orderly-chaos, on the same messages.

    60 % adds, 35 % cancels, 5 % IOC orders. Contenders take turns on one processor and must give
    the same fills. Ours settles every fill between 10,000 accounts; theirs is an order book alone.
    On a prefix, a plain Python book and the specification run beside them for scale.

    Exit code 1: contenders disagree, or something does not compile; 3: the peer's source archive
    cannot be fetched from the package index (the first run downloads it).
    """
    try:
        with progress_bar("bench matching") as advance:
            result = run_matching(messages, rounds, seed, core, advance)
    except PeerUnavailableError as error:
        reason = f"the source archive of orderly-chaos cannot be fetched: {error}"
        _fail(reason, as_json, EXIT_PEER_UNAVAILABLE)
    except OutputMismatchError as error:
        _fail(f"no result, the fills differ: {error}", as_json, EXIT_FAILED, hash_equal=False)
    except (CoreUnavailableError, RuntimeError, OSError) as error:
        _fail(str(error), as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=ROUNDS,
    show_default=True,
    help="The best counts.",
)
@click.option("--core", type=int, help="Processor to pin to; by default the last one allowed.")
@_json_option
def cascade(rounds: int, core: int | None, as_json: bool) -> None:
    """Time the busiest second of a crash: 50,000 margined accounts, 22,558 liquidations.

    Ten price updates, a look at every account after each, and the forced events as ops of the
    chain: half sold to the book, half taken over by the other side. The specification runs a small
    crowd through the same, for scale, and must give the same events.

    Exit code 1: an op is refused, or the events are not those expected. A bar that is missed is
    marked and is no failure.
    """
    try:
        with progress_bar("bench cascade") as advance:
            result = run_cascade(rounds, core, advance)
    except (CoreUnavailableError, RuntimeError, OSError) as error:
        _fail(str(error), as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@_json_option
def leaves(as_json: bool) -> None:
    """Count the Poseidon2 permutations per op for each size of the hashed leaves.

    The core is compiled once per size (the first run takes half a minute longer) and counts, on a
    book of 20,000 resting orders, what a proof pays for the old and the new root of a batch.
    """
    try:
        with progress_bar("bench leaves") as advance:
            result = run_leaves(advance)
    except (BuildError, CoreUnavailableError, RuntimeError, OSError) as error:
        _fail(str(error), as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@click.option("--quick", is_flag=True, help="Small inputs: a check of the benchmark, no figures.")
@_json_option
def prove(quick: bool, as_json: bool) -> None:
    """Prove three guests and measure time, proof size and memory; verify every proof.

    sort, sha256 in software and a guest with both delegations run in profiles fast and settle; runs
    of 2^17 rows give the size of settle proofs. Cycles per second are those of the slowest guest.
    Takes a few minutes.

    Exit code 1: something is not built, a guest is not the expected one, or a proof is rejected.
    """
    try:
        with progress_bar("bench prove") as advance:
            result = run_prove(quick=quick, progress=advance)
    except (BuildError, Rejected, RuntimeError, MemoryError, OSError) as error:
        _fail(f"{type(error).__name__}: {error}", as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@click.option("--quick", is_flag=True, help="A small chain: a check of the benchmark, no figures.")
@click.option(
    "--proofs",
    type=click.Choice(("none", "fast", "all")),
    default="all",
    show_default=True,
    help="Which proofs to make; all: fast and settle.",
)
@click.option(
    "--largest-proof",
    type=click.IntRange(min=1),
    default=LARGEST_PROOF,
    show_default=True,
    help="Ops of the largest batch to prove; a proof of 128 ops takes 10 GB of memory.",
)
@_json_option
def batch(quick: bool, proofs: str, largest_proof: int, as_json: bool) -> None:
    """Count and prove batches of 32 to 256 ops on a chain of 2^16 accounts and 20,000 orders.

    Place, cancel and fill 60/35/5 in four perpetuals, each op in its own envelope, without
    signatures; counted once more with margined markets. Counts are those of the guest. A
    batch that is too long for one proof has none, and the reason beside it.

    Exit code 1: something is not built, guest and native program disagree, or a proof is rejected.
    """
    profiles = {"none": (), "fast": ("fast",), "all": ("fast", "settle")}[proofs]
    try:
        with progress_bar("bench batch") as advance:
            result = run_batch(
                quick=quick, profiles=profiles, largest_proof=largest_proof, progress=advance
            )
    except (BuildError, Rejected, RuntimeError, MemoryError, OSError) as error:
        _fail(f"{type(error).__name__}: {error}", as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@click.option("--quick", is_flag=True, help="A short run: a check of the benchmark, no figures.")
@_json_option
def verify(quick: bool, as_json: bool) -> None:
    """Verify proofs with the contracts of L1, in parts: gas, bytes, contract sizes.

    A run of 2^17 rows of the guest with both delegations, in profiles settle (the keys above) and
    settle-compact. The gas of a transaction is execution or the floor of its calldata, whichever is
    more, as EIP-7623 charges now; floor64 stands for a floor of 64 gas per byte. Takes about two
    minutes.

    Exit code 1: something is not built, a proof is rejected, or a transaction is over 2^24 gas or
    120,000 bytes.
    """
    try:
        with progress_bar("bench verify") as advance:
            result = run_verify(quick=quick, progress=advance)
    except (
        *(BuildError, Rejected, ContractRevertedError),
        *(RuntimeError, MemoryError, OSError),
    ) as error:
        _fail(f"{type(error).__name__}: {error}", as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


@bench.command()
@_json_option
def gas(as_json: bool) -> None:
    """Count the gas of deposits, claims, settlements, a snapshot and an escape.

    Whole transactions on an embedded L1: execution, or the floor of the calldata (EIP-7623) if that
    is more. Settlements advance eight rollups that exchange an envelope on each of 56 channels,
    without proof verification. Takes about a minute.

    Exit code 1: a contract refuses a transaction. A bar that is missed is marked and is no failure.
    """
    try:
        with progress_bar("bench gas") as advance:
            result = run_gas(advance)
    except (ContractRevertedError, RuntimeError, OSError) as error:
        _fail(f"{type(error).__name__}: {error}", as_json, EXIT_FAILED)
    click.echo(json.dumps(result.to_fields()) if as_json else result.to_text())


def _fail(reason: str, as_json: bool, exit_code: int, **fields: object) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"error": reason, **fields}))
    else:
        click.echo(f"Error: {reason}", err=True)
    raise SystemExit(exit_code)
