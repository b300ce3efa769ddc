"""Balances of an account: eight slots, slot 0 is the quote asset."""

from offchain.spec.constants import VALUE_LIMIT
from offchain.spec.records import Account

NO_SLOT = -1


def find_slot(account: Account, asset: int) -> int:
    """Return the balance slot of an asset, or NO_SLOT."""
    asset_id = asset + 1
    return account.asset_ids.index(asset_id) if asset_id in account.asset_ids else NO_SLOT


def has_room(account: Account, asset: int) -> bool:
    """Return whether the asset has a slot or one is free for it."""
    return find_slot(account, asset) != NO_SLOT or 0 in account.asset_ids


def open_slot(account: Account, asset: int) -> int:
    """Return the asset's slot; take the lowest free one when it has none.

    The caller has checked :func:`has_room`.
    """
    slot = find_slot(account, asset)
    if slot == NO_SLOT:
        slot = account.asset_ids.index(0)
        account.asset_ids[slot] = asset + 1
    return slot


def can_receive(account: Account, asset: int, units: int) -> bool:
    """Return whether free and locked together stay below VALUE_LIMIT with `units` more."""
    slot = find_slot(account, asset)
    held = 0 if slot == NO_SLOT else account.free[slot] + account.locked[slot]
    return held + units < VALUE_LIMIT


def free_units(account: Account, asset: int) -> int | None:
    """Return the free balance in engine units, None when the asset has no slot."""
    slot = find_slot(account, asset)
    return None if slot == NO_SLOT else account.free[slot]


def release_slot(account: Account, slot: int) -> None:
    """Give an empty slot back. Open orders may still pay into it, so it stays while one exists."""
    is_empty = account.free[slot] == 0 and account.locked[slot] == 0
    if slot > 0 and is_empty and account.order_count == 0:
        account.asset_ids[slot] = 0


def lock(account: Account, asset: int, units: int) -> None:
    """Move units from free to locked."""
    slot = find_slot(account, asset)
    account.free[slot] -= units
    account.locked[slot] += units


def unlock(account: Account, asset: int, units: int) -> None:
    """Move units from locked to free."""
    lock(account, asset, -units)
