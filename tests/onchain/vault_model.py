"""What the vault owes and pays, in Python integers: settlement.md section 8."""

from dataclasses import dataclass, field

HOUR_S = 3_600
NOTICE_S = 24 * HOUR_S
DELAY_S = 3 * HOUR_S
UNIT_DECIMALS = 8
UNITS_BOUND = 2**62


class Refused(Exception):  # noqa: N818  # an outcome that tests ask for
    """The vault refuses; `code` is that of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Asset:
    """One asset; amounts in engine units unless their names say otherwise."""

    decimals: int
    cap: int
    min_deposit: int
    limit: int
    held_native: int = 0
    ledger: int = 0
    is_impaired: bool = False
    level_unit_s: int = 0
    updated_s: int = 0
    scheduled: tuple[int, int] | None = None  # limit, when it may count

    def to_units(self, native: int) -> int:
        return native * 10**UNIT_DECIMALS // 10**self.decimals

    def to_native(self, units: int) -> int:
        return units * 10**self.decimals // 10**UNIT_DECIMALS

    def owed_native(self) -> int:
        return -(-self.ledger * 10**self.decimals // 10**UNIT_DECIMALS)

    def surplus_native(self) -> int:
        return max(0, self.held_native - self.owed_native())

    def deficit_native(self) -> int:
        return max(0, self.owed_native() - self.held_native)

    def level_at(self, now_s: int) -> int:
        return max(0, self.level_unit_s - self.limit * (now_s - self.updated_s))

    def free_at(self, now_s: int) -> int:
        return max(0, self.limit * HOUR_S - self.level_at(now_s)) // HOUR_S

    def set_limit(self, limit: int, now_s: int) -> None:
        self.level_unit_s, self.updated_s = self.level_at(now_s), now_s
        self.limit, self.scheduled = limit, None


@dataclass
class Payout:
    owner: str
    asset_id: int
    units: int
    ready_at_s: int


@dataclass
class VaultModel:
    """A vault; every method either raises :class:`Refused` or changes it."""

    assets: dict[int, Asset]
    now_s: int
    is_paused: bool = False
    queue: dict[int, Payout] = field(default_factory=dict)
    payout_count: int = 0

    def deposit(self, asset_id: int, arrived_native: int) -> None:
        asset = self.assets[asset_id]
        units = asset.to_units(arrived_native)
        self._refuse("G04", self.is_paused)
        self._refuse("V30", asset.is_impaired)
        self._refuse("V31", units < asset.min_deposit)
        self._refuse("V32", units >= UNITS_BOUND)
        self._refuse("V17", asset.deficit_native() > 0)
        self._refuse("V18", asset.ledger + units > asset.cap)
        asset.ledger += units
        asset.held_native += arrived_native

    def claim(self, asset_id: int, units: int, owner: str, caller: str, is_frozen: bool) -> int:
        """Native amount that is sent now; -1 if the payout waits."""
        asset = self.assets[asset_id]
        native = self._payout_native(asset, units, owner, caller)
        if not is_frozen:
            level = asset.level_at(self.now_s) + units * HOUR_S
            if level > asset.limit * HOUR_S:
                payout = Payout(owner, asset_id, units, self.now_s + DELAY_S)
                self.queue[self.payout_count] = payout
                self.payout_count += 1
                return -1
            asset.level_unit_s, asset.updated_s = level, self.now_s
        self._pay(asset, units, native)
        return native

    def pay_queued(self, payout_id: int, caller: str) -> int:
        """Native amount that is sent."""
        self._refuse("V24", payout_id not in self.queue)
        payout = self.queue[payout_id]
        self._refuse("V25", self.now_s < payout.ready_at_s)
        asset = self.assets[payout.asset_id]
        native = self._payout_native(asset, payout.units, payout.owner, caller)
        del self.queue[payout_id]
        self._pay(asset, payout.units, native)
        return native

    def skim(self, asset_id: int) -> int:
        """Native amount that is sent."""
        asset = self.assets[asset_id]
        surplus = asset.surplus_native()
        self._refuse("V35", surplus == 0)
        asset.held_native -= surplus
        return surplus

    def set_outflow_limit(self, asset_id: int, limit: int) -> None:
        asset = self.assets[asset_id]
        if limit <= asset.limit:
            asset.set_limit(limit, self.now_s)
        else:
            asset.scheduled = limit, self.now_s + NOTICE_S

    def activate_outflow_limit(self, asset_id: int) -> None:
        asset = self.assets[asset_id]
        self._refuse("V22", asset.scheduled is None)
        limit, active_from_s = asset.scheduled or (0, 0)
        self._refuse("V23", self.now_s < active_from_s)
        asset.set_limit(limit, self.now_s)

    def _payout_native(self, asset: Asset, units: int, owner: str, caller: str) -> int:
        self._refuse("V19", units > asset.ledger)
        if asset.deficit_native() == 0:
            return asset.to_native(units)
        self._refuse("V20", caller != owner)
        return asset.held_native * units // asset.ledger

    @staticmethod
    def _pay(asset: Asset, units: int, native: int) -> None:
        asset.ledger -= units
        asset.held_native -= native

    @staticmethod
    def _refuse(code: str, is_refused: bool) -> None:
        if is_refused:
            raise Refused(code)
