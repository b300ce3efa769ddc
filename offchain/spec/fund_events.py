"""Events of funds (docs/spec/funds.md section 2)."""

from offchain.spec.event import EventWriter
from offchain.spec.kinds import EventKind


class FundEventLog(EventWriter):
    """Writers of the events of funds; amounts and values are quote units."""

    def fund_created(
        self,
        *,
        leader: int,
        fund: int,
        fee_ppm: int,
        lockup_s: int,
        bucket: int,
        asset: int,
        flags: int,
    ) -> None:
        """Write a new fund with the account of its first bucket and its share asset."""
        kind = EventKind.FUND_CREATED
        self._write(kind, 0, leader, fund, fee_ppm, lockup_s, bucket, asset, flags)

    def shares_minted(
        self, *, account: int, fund: int, amount: int, shares: int, value: int, total_shares: int
    ) -> None:
        """Write shares that were bought, or with an amount of 0 the leader's fee."""
        kind = EventKind.SHARES_MINTED
        self._write(kind, 0, account, fund, amount, shares, value, total_shares)

    def shares_queued(self, *, account: int, fund: int, shares: int, due_s: int, slot: int) -> None:
        """Write a redemption and when it is due."""
        self._write(EventKind.SHARES_QUEUED, 0, account, fund, shares, due_s, slot)

    def shares_burned(
        self, *, account: int, fund: int, shares: int, amount: int, value: int, total_shares: int
    ) -> None:
        """Write a redemption that was paid."""
        kind = EventKind.SHARES_BURNED
        self._write(kind, 0, account, fund, shares, amount, value, total_shares)

    def redemption_postponed(
        self, *, account: int, fund: int, shares: int, code: int, slot: int
    ) -> None:
        """Write a redemption that could not be paid yet, with the reason."""
        self._write(EventKind.REDEMPTION_POSTPONED, 0, account, fund, shares, code, slot)

    def waterfall_set(self, *, market: int, backstop: int, flags: int) -> None:
        """Write who takes over a market's positions after its insurance account."""
        self._write(EventKind.WATERFALL_SET, market, backstop, flags)
