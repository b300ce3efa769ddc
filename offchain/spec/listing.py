"""The listing: which markets and assets the valuation table has (docs/spec/escape.md section 2)."""

from bisect import insort

from offchain.spec.checks import require
from offchain.spec.constants import LISTED_MAX
from offchain.spec.errors import ErrorCode
from offchain.spec.state import State


def check_market_fits(state: State) -> None:
    """Refuse with LISTING_FULL if no further market can be listed."""
    require(len(state.listing().markets) < LISTED_MAX, ErrorCode.LISTING_FULL)


def check_asset_fits(state: State) -> None:
    """Refuse with LISTING_FULL if no further asset can be listed."""
    require(len(state.listing().assets) < LISTED_MAX, ErrorCode.LISTING_FULL)


def add_market(state: State, market_id: int) -> None:
    """List a market that asks for margin from now on."""
    insort(state.edit_listing().markets, market_id)


def add_asset(state: State, asset: int) -> None:
    """List an asset that exists from now on."""
    insort(state.edit_listing().assets, asset)
