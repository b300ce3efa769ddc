"""The demo's result as JSON and as text."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from offchain.demo.flow import SZ_DECIMALS
from offchain.demo.run import DemoResult
from offchain.engine.state_view import PriceLevel
from offchain.settlement.devnet import TRUST_MODE_ATTESTED, TRUST_MODE_PROVEN
from offchain.settlement.service import Settlement
from offchain.spec.constants import QUOTE_DECIMALS as UNIT_DECIMALS
from offchain.spec.constants import SPOT_PRICE_DECIMALS
from offchain.spec.envelope import decode
from offchain.spec.errors import ErrorCode
from offchain.spec.kinds import EventKind
from offchain.tools.build_native import ROOT
from offchain.witness.format import BATCH_ELF

_PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99_9": 99.9}
_MODES: Final = {
    TRUST_MODE_PROVEN: "every batch has a proof that L1 has verified",
    TRUST_MODE_ATTESTED: "the operator's signature, no proof",
}
_NS_PER_US: Final = 1_000
_NS_PER_S: Final = 1_000_000_000
PRICE_UNITS_PER_USDC: Final = 10 ** (SPOT_PRICE_DECIMALS - SZ_DECIMALS)
LOTS_PER_ETHER: Final = 10**SZ_DECIMALS
CORE_NOTE: Final = "time inside apply_envelope: decoding, nonce, ops, receipt hashes"
ENVELOPE_NOTE: Final = (
    "from its bytes to its receipt: form, signature, core, journal write; no network, no fsync"
)


def to_json(result: DemoResult) -> dict[str, Any]:
    """Return the object that ``headrace demo --json`` prints."""
    measured = result.measured
    total_ns = sum(measured.latencies_ns)
    return {
        "ok": result.ok,
        "mode": result.mode,
        "batches": [
            _batch_json(each) | {"gas": gas, **_proof_json(result, each.output.last_batch)}
            for each, gas in zip(result.settled, result.l1_gas["settle"], strict=True)
        ],
        "l1_gas_total": sum(sum(gas) for gas in result.l1_gas.values()),
        "seconds": round(result.seconds, 2),
        "source": result.source,
        "accounts": result.traders,
        "orders": result.orders,
        "messages": dict(measured.kinds),
        "refused": dict(measured.refused),
        "fills": len(result.trades),
        "perpetual": {
            "orders": result.perpetual_orders,
            "funding_payments": result.funding_payments,
            "liquidated_accounts": result.liquidated,
        },
        "deposits": _count(result, EventKind.DEPOSITED),
        "withdrawals": sum(len(each.tree.withdrawals) for each in result.settled),
        "claims": result.claims,
        "top_of_book": {
            "bid": _level_json(result.top_of_book.bid),
            "ask": _level_json(result.top_of_book.ask),
        },
        "throughput": {
            "core_ops_per_s": round(measured.ops * _NS_PER_S / result.trading_core_ns),
            "envelopes_per_s": round(len(measured.latencies_ns) * _NS_PER_S / total_ns),
            "envelopes": len(measured.latencies_ns),
            "ops": measured.ops,
            "core_includes": CORE_NOTE,
            "envelope_includes": ENVELOPE_NOTE,
        },
        "latency_us": _latency_us(measured.latencies_ns),
        "settlement_gas": result.l1_gas["settle"],
        "publication_gas": result.l1_gas["publish_chunk"],
        "claims_gas": sum(result.l1_gas.get("claim", [])),
        "unwithdrawn_balances": result.unwithdrawn,
        "root_equal": result.is_root_equal,
        "rebuilt_equal": result.is_rebuilt_equal,
        "journal": {"bytes": result.journal_bytes, "replay_equal": result.is_journal_equal},
        "solvency": [
            {
                "asset": check.symbol,
                "equal": check.is_equal,
                "vault_native": check.vault_native,
                "owed_native": check.owed_native,
                "surplus_native": check.surplus_native,
                "owed_units": check.owed_units,
                "accounts_units": check.accounts_units,
                "vault_ledger_units": check.vault_ledger_units,
                "fee_units": check.fee_units,
            }
            for check in result.checks
        ],
    }


def to_text(result: DemoResult) -> str:
    """Return the report that ``headrace demo`` prints."""
    data = to_json(result)
    top, speed, latency = data["top_of_book"], data["throughput"], data["latency_us"]
    refused = ", ".join(f"{n} {name}" for name, n in data["refused"].items()) or "none"
    messages = ", ".join(f"{n:,} {kind}" for kind, n in data["messages"].items())
    lines = [
        f"Mode of trust: {data['mode']} ({_MODES[data['mode']]})",
        f"Order flow:    {data['source']}",
        f"Deposits:      {data['deposits']} through the vault, for {data['accounts']} accounts",
        f"Orders:        {data['orders']:,} ({messages}); refused: {refused}",
        f"Fills:         {data['fills']:,}",
        _perpetual_line(result),
        f"Top of book:   bid {_level_text(top['bid'])}, ask {_level_text(top['ask'])}",
        f"Throughput:    {speed['core_ops_per_s']:,} ops/s in the core",
        f"               {speed['envelopes_per_s']:,} signed envelopes/s on one thread",
        f"Latency:       p50 {latency['p50']:,} us, p99 {latency['p99']:,} us",
        f"               p99.9 {latency['p99_9']:,} us",
        f"  core         {speed['core_includes']}",
        f"  envelope     {speed['envelope_includes']}",
        "Settlements:",
    ]
    lines += [
        f"  batch {batch['number']}: {batch['events']:,} events, {batch['deposits']} deposits, "
        f"{batch['withdrawals']} withdrawals, {batch['gas']:,} gas, root {batch['new_root'][:18]}"
        for batch in data["batches"]
    ]
    lines += _proof_lines(result)
    claims = data["claims"]
    per_claim = data["claims_gas"] // claims if claims else 0
    lines.append(f"Claims:        {claims} paid on L1, {per_claim:,} gas each")
    lines.append(f"L1 gas:        {data['l1_gas_total']:,} in all")
    lines += [
        f"Fees earned:   {check['fee_units'] / 10**UNIT_DECIMALS:,.8f} {check['asset']}"
        for check in data["solvency"]
        if check["fee_units"]
    ]
    lines += [
        f"Vault, {check['asset']:<5}   holds {check['vault_native']:,}; owed "
        f"{check['owed_native']:,} + surplus {check['surplus_native']:,} native units: "
        f"{'equal' if check['equal'] else 'NOT EQUAL'}"
        for check in data["solvency"]
    ]
    journal = "the same root" if data["journal"]["replay_equal"] else "ANOTHER ROOT"
    l1_root = "the engine's state root" if data["root_equal"] else "ANOTHER STATE ROOT"
    rebuilt = "the same accounts and root" if data["rebuilt_equal"] else "ANOTHER STATE"
    published = len(data["publication_gas"])
    lines.append(f"L1:            holds {l1_root}")
    lines.append(f"Rebuilt:       {published} published state diffs alone give {rebuilt}")
    lines.append(f"Journal:       {data['journal']['bytes']:,} bytes, replay gives {journal}")
    lines.append(f"{'OK' if data['ok'] else 'FAILED'} in {data['seconds']} s")
    return "\n".join(lines)


def _batch_json(settlement: Settlement) -> dict[str, Any]:
    """One settlement: in the demo a single batch, unless the sequencer sealed more by itself."""
    output, batches = settlement.output, settlement.batches
    withdrawals = [each for batch in batches for each in batch.withdrawals]
    return {
        "number": output.last_batch,
        "old_root": "0x" + output.old_root.hex(),
        "new_root": "0x" + output.new_root.hex(),
        "envelopes": sum(len(batch.envelopes) for batch in batches),
        "events": sum(sum(batch.event_counts.values()) for batch in batches),
        "priority_records": output.priority_next - output.priority_first,
        "deposits": _events(settlement, EventKind.DEPOSITED),
        "fills": _events(settlement, EventKind.FILL),
        "funding": _events(settlement, EventKind.FUNDING),
        "liquidations": _events(settlement, EventKind.LIQUIDATED),
        "withdrawals": len(withdrawals),
        "refunded_deposits": sum(each.code != ErrorCode.OK for each in withdrawals),
    }


def _proof_json(result: DemoResult, batch: int) -> dict[str, Any]:
    """Return what the proof of a batch took; nothing in mode ATTESTED."""
    proven = result.proven.get(batch)
    if proven is None:
        return {}
    settlement = next(each for each in result.settled if each.output.last_batch == batch)
    ops = sum(len(decode(envelope).ops) for envelope in settlement.batches[0].envelopes)
    return {
        "proof_file": str(proven.proof_file),
        "proof_bytes": proven.proof_bytes,
        "proof_seconds": round(proven.seconds, 2),
        "ops": ops,
        "cycles": proven.cycles,
        "cycles_per_order": round(proven.cycles / max(1, ops)),
        "rows": dict(proven.rows),
        "l1_gas": proven.l1_gas,
    }


def _proof_lines(result: DemoResult) -> list[str]:
    """Return one row per proof, and how to check it again."""
    if not result.proven:
        return []
    head = f"{'batch':>6} {'ops':>5} {'cycles':>9} {'per op':>7} {'proof':>8} {'bytes':>8}"
    lines = ["Proofs:", f"  {head} {'gas on L1':>11}"]
    for number, proven in sorted(result.proven.items()):
        each = _proof_json(result, number)
        lines.append(
            f"  {number:>6} {each['ops']:>5,} {proven.cycles:>9,} {each['cycles_per_order']:>7,} "
            f"{proven.seconds:>6.1f} s {proven.proof_bytes:>8,} {proven.l1_gas:>11,}"
        )
    lines += _row_lines(result)
    first = next(iter(result.proven.values())).proof_file
    elf = BATCH_ELF.relative_to(ROOT)
    return [*lines, f"Check one:     headrace vm verify {first} --program {elf}"]


def _perpetual_line(result: DemoResult) -> str:
    return (
        f"Perpetual:     {result.perpetual_orders} orders; funding paid "
        f"{result.funding_payments} times; {result.liquidated} account liquidated"
    )


def _row_lines(result: DemoResult) -> list[str]:
    """Return the rows that each proof took of each table."""
    names = list(next(iter(result.proven.values())).rows)
    lines = ["Rows per table:", f"  {'batch':>6} " + " ".join(f"{name:>11}" for name in names)]
    for number, proven in sorted(result.proven.items()):
        rows = " ".join(f"{proven.rows[name]:>11,}" for name in names)
        lines.append(f"  {number:>6} {rows}")
    return lines


def _events(settlement: Settlement, kind: EventKind) -> int:
    return sum(batch.event_counts.get(kind, 0) for batch in settlement.batches)


def _count(result: DemoResult, kind: EventKind) -> int:
    return sum(_events(each, kind) for each in result.settled)


def _latency_us(latencies_ns: list[int]) -> dict[str, float]:
    values = np.percentile(np.array(latencies_ns), list(_PERCENTILES.values())) / _NS_PER_US
    return {name: round(float(value), 1) for name, value in zip(_PERCENTILES, values, strict=True)}


def _level_json(level: PriceLevel | None) -> dict[str, float] | None:
    if level is None:
        return None
    return {
        "price_usdc": level.price / PRICE_UNITS_PER_USDC,
        "size_ether": level.total_lots / LOTS_PER_ETHER,
    }


def _level_text(level: dict[str, float] | None) -> str:
    return "none" if level is None else f"{level['price_usdc']:,.3f} x {level['size_ether']:,.2f}"
