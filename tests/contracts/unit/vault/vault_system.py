"""How the unit tests of the vault use it."""

import dataclasses
from typing import Any

CHAIN_ID = 7
FROZEN_CHAIN = 8
TOKEN_ASSET = 0
ETHER_ASSET = 1
FREE_ASSET = 9
ETHER, TOKEN, STETH, ATOKEN = 1, 2, 3, 4
ETHER_ADDRESS = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"

# Behaviours of ZooToken.
RETURNS_FALSE, REVERTS_ZERO = 8, 64

ETHER_WEI = 10**18
TOKEN_NATIVE = 10**6
UNIT = 10**8
HOUR_S = 3_600
DAY_S = 86_400
UNLIMITED = 2**80 - 1
NOT_QUEUED = 2**256 - 1


def terms(token: Any, kind: int = TOKEN, **changes: Any) -> dict[str, Any]:
    """What register_asset takes, without limits unless they are given."""
    return {
        "token": token,
        "kind": kind,
        "may_take_fee": False,
        "cap_units": UNLIMITED,
        "min_deposit_units": 1,
        "hourly_outflow_units": UNLIMITED,
    } | changes


@dataclasses.dataclass
class VaultSystem:
    """The deployed contracts and the roles around them."""

    vault: Any
    gateway: Any
    token: Any
    owner: Any
    guardian: Any
    treasury: Any
    batch: int = 0

    def deposit_ether(self, depositor: Any, amount_wei: int = ETHER_WEI) -> Any:
        return self.vault.deposit(
            CHAIN_ID, ETHER_ASSET, amount_wei, sender=depositor, value=amount_wei
        )

    def deposit_token(self, depositor: Any, amount: int, token: Any = None) -> Any:
        """Deposit the registered token, or another one as the free asset."""
        asset_id = TOKEN_ASSET if token is None else FREE_ASSET
        token = token or self.token
        token.mint(depositor, amount, sender=depositor)
        token.approve(self.vault, amount, sender=depositor)
        return self.vault.deposit(CHAIN_ID, asset_id, amount, sender=depositor)

    def register(self, token: Any, kind: int = TOKEN, **changes: Any) -> Any:
        return self.vault.register_asset(
            FREE_ASSET, terms(token, kind, **changes), sender=self.owner
        )

    def register_odd_token(self, project: Any, behaviour: int = 0) -> Any:
        """Register a token with 6 decimals whose behaviour can be changed, as the free asset."""
        token = project.ZooToken.deploy(6, behaviour, sender=self.owner)
        self.register(token)
        return token

    def claim(
        self, asset_id: int, units: int, owner: Any, sender: Any, chain_id: int = CHAIN_ID
    ) -> Any:
        """Claim a withdrawal that the gateway has not seen."""
        self.batch += 1
        return self.vault.claim(chain_id, self.batch, 0, owner, asset_id, units, [], sender=sender)

    def force_ether(self, project: Any, sender: Any, amount_wei: int) -> None:
        """Give the vault ether that it cannot refuse."""
        bomb = project.ForcedEtherMock.deploy(sender=sender)
        bomb.force(self.vault, sender=sender, value=amount_wei)
