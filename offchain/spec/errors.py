"""Error codes: one enumeration for the specification, the C core and the API.

The number is part of the interface and never reused. ``sentence`` tells the user what to do.
"""

from enum import IntEnum


class ErrorCode(IntEnum):
    """Reason why an op or an envelope was refused; state is unchanged by a refusal."""

    OK = 0
    # the op as such
    UNKNOWN_OP = 1
    MALFORMED_OP = 2
    CONTINUATION_PENDING = 3
    DUTY_PENDING = 4
    NOTHING_TO_CONTINUE = 5
    NO_DUTY_DUE = 6
    TIME_BACKWARDS = 7
    # accounts, balances
    UNKNOWN_ACCOUNT = 16
    UNKNOWN_ASSET = 17
    NOT_SAME_OWNER = 18
    INVALID_AMOUNT = 19
    AMOUNT_NOT_REPRESENTABLE = 20
    INSUFFICIENT_BALANCE = 21
    BALANCES_FULL = 22
    POSITION_OPEN = 23
    POSITIONS_FULL = 24
    DEPOSIT_CAP = 25
    DEPOSITS_CLOSED = 26
    SAME_ACCOUNT = 27
    INSUFFICIENT_CHAIN_LIQUIDITY = 28
    BALANCE_TOO_LARGE = 29
    # markets and orders
    UNKNOWN_MARKET = 32
    MARKET_NOT_OPEN = 33
    INVALID_SIZE = 34
    SIZE_BELOW_MINIMUM = 35
    INVALID_PRICE = 36
    PRICE_NOT_ON_TICK = 37
    TOO_MANY_SIGNIFICANT_FIGURES = 38
    NOTIONAL_TOO_LARGE = 39
    INVALID_SLIPPAGE = 40
    NO_LIQUIDITY = 41
    EXPIRY_NOT_ALLOWED = 42
    EXPIRY_IN_PAST = 43
    REDUCE_ONLY_ON_SPOT = 44
    REDUCE_ONLY_WOULD_INCREASE = 45
    POST_ONLY_WOULD_CROSS = 46
    FOK_NOT_FILLABLE = 47
    CLIENT_ID_OUT_OF_RANGE = 48
    DUPLICATE_CLIENT_ID = 49
    UNKNOWN_CLIENT_ID = 50
    UNKNOWN_ORDER = 51
    TOO_MANY_OPEN_ORDERS = 52
    BOOK_FULL = 53
    DUTY_QUEUE_FULL = 54
    MODIFY_CHANGES_NOTHING = 55
    SCHEDULE_TOO_SOON = 56
    # fees, builders, agents
    UNKNOWN_TIER = 64
    TIER_NOT_SELF_SERVICE = 65
    TIER_COOLDOWN = 66
    UNKNOWN_BUILDER = 67
    BUILDER_FEE_TOO_HIGH = 68
    BUILDER_FEE_NOT_APPROVED = 69
    APPROVALS_FULL = 70
    BUILDER_ALREADY_REGISTERED = 71
    BUILDERS_FULL = 72
    INVALID_AGENT_SLOT = 73
    INVALID_AGENT = 74
    # admin
    INVALID_MARKET_PARAMETER = 80
    MARKET_IMMUTABLE = 81
    INVALID_ASSET_PARAMETER = 82
    INVALID_FEE_PARAMETER = 83
    # risk
    STALE_PRICE = 128
    PRICE_QUORUM = 129
    PRICE_OUTSIDE_SNAPSHOT = 130
    PRICE_JUMP = 131
    INSUFFICIENT_MARGIN = 132
    MARKET_POST_ONLY = 133
    PRICE_OUTSIDE_BAND = 134
    OPEN_INTEREST_CAP = 135
    CONCENTRATION_LIMIT = 136
    INVALID_LEVERAGE = 137
    NOT_ISOLATED = 138
    NOT_LIQUIDATABLE = 139
    NOTHING_TO_SWEEP = 140
    SWEEP_LATE = 141
    MARKET_IN_USE = 142
    TRIGGER_DUE = 143
    INVALID_TRIGGER = 144
    ORDER_LINKED = 145
    INVALID_TWAP = 146
    UNKNOWN_FUND = 147
    FUND_ACCOUNT = 148
    INVALID_FUND = 149
    FUNDS_FULL = 150
    FUND_BANKRUPT = 151
    FUND_TOO_WIDE = 152
    LEADER_SHARE = 153
    # links between chains, inputs of L1
    UNKNOWN_PEER = 154
    NOT_PLEDGEABLE = 155
    PLEDGED_ASSET = 156
    PLEDGES_FULL = 157
    INVALID_EXPIRY = 158
    UNKNOWN_PLEDGE = 159
    NOTHING_TO_SEIZE = 160
    INVALID_LINK = 161
    SNAPSHOT_NOT_FROM_L1 = 162
    BAD_READING = 163
    INVALID_FEED = 164
    LISTING_FULL = 165
    WRONG_MARKET = 166
    MESSAGE_MALFORMED = 167
    # envelopes
    ENVELOPE_TRUNCATED = 96
    ENVELOPE_TOO_LONG = 97
    ENVELOPE_MALFORMED = 98
    ENVELOPE_OP_NOT_ALLOWED = 99
    ARRIVAL_BACKWARDS = 100
    WRONG_ACCOUNT = 101
    UNKNOWN_SIGNER = 102
    SIGNER_EXPIRED = 103
    OWNER_KEY_NOT_ENABLED = 104
    AGENT_NOT_ALLOWED = 105
    NONCE_OUT_OF_WINDOW = 106
    NONCE_TOO_LOW = 107
    NONCE_USED = 108
    PRIORITY_OUT_OF_ORDER = 109
    PRIORITY_MALFORMED = 110
    MESSAGE_OUT_OF_ORDER = 111
    MESSAGE_AHEAD = 112
    ORACLE_OUT_OF_ORDER = 113
    ORACLE_AHEAD = 114
    MESSAGE_NEEDS_BODY = 115

    @property
    def sentence(self) -> str:
        """Return the sentence that tells the user what is wrong and what to do."""
        return _SENTENCES[self]


_SENTENCES: dict[ErrorCode, str] = {
    ErrorCode.OK: "Accepted.",
    ErrorCode.UNKNOWN_OP: "This op kind does not exist; see docs/spec/transition.md for the list.",
    ErrorCode.MALFORMED_OP: "A flag, enumeration or reserved byte of the op is out of range; "
    "set unused bytes to zero.",
    ErrorCode.CONTINUATION_PENDING: "An earlier op is still being worked off; retry after it ends.",
    ErrorCode.DUTY_PENDING: "Expiries or scheduled cancels are due first; retry after they ran.",
    ErrorCode.NOTHING_TO_CONTINUE: "No continuation is pending; do not send CONTINUE.",
    ErrorCode.NO_DUTY_DUE: "No duty is due at the present time; advance the time first.",
    ErrorCode.TIME_BACKWARDS: "Time may not go backwards; send a later time.",
    ErrorCode.UNKNOWN_ACCOUNT: "This account does not exist; deposit on L1 first.",
    ErrorCode.UNKNOWN_ASSET: "This asset is not registered on the chain; use a listed asset id.",
    ErrorCode.NOT_SAME_OWNER: "Both accounts must have the same owner; withdraw instead.",
    ErrorCode.INVALID_AMOUNT: "The amount must be between 1 and 2^62 - 1 engine units.",
    ErrorCode.AMOUNT_NOT_REPRESENTABLE: "L1 cannot pay this amount exactly; round it down to a "
    "multiple of the asset's withdraw step.",
    ErrorCode.INSUFFICIENT_BALANCE: "The free balance is too small; reduce the size or cancel "
    "orders that lock it.",
    ErrorCode.BALANCES_FULL: "The account holds its maximum of assets; empty one first.",
    ErrorCode.POSITION_OPEN: "Close positions and perpetual orders before the quote asset leaves "
    "the account.",
    ErrorCode.POSITIONS_FULL: "The account holds its maximum of positions; close one first.",
    ErrorCode.DEPOSIT_CAP: "The asset's deposit cap is reached; the deposit goes back to its "
    "sender.",
    ErrorCode.DEPOSITS_CLOSED: "Deposits of this asset are closed; the deposit goes back to its "
    "sender.",
    ErrorCode.SAME_ACCOUNT: "Source and destination are the same account; choose another one.",
    ErrorCode.INSUFFICIENT_CHAIN_LIQUIDITY: "The chain holds less of this asset on L1 than "
    "the amount; withdraw less, or later.",
    ErrorCode.BALANCE_TOO_LARGE: "The receiving balance would reach 2^62 engine units; send less.",
    ErrorCode.UNKNOWN_MARKET: "This market does not exist; use a listed market id.",
    ErrorCode.MARKET_NOT_OPEN: "The market takes no new orders now; cancels still work.",
    ErrorCode.INVALID_SIZE: "The size must be between 1 and 2^40 - 1 lots.",
    ErrorCode.SIZE_BELOW_MINIMUM: "The size is below the market's minimum; enlarge it.",
    ErrorCode.INVALID_PRICE: "The price must be between 1 and 2^32 - 2 price units.",
    ErrorCode.PRICE_NOT_ON_TICK: "Round the price to the market's tick.",
    ErrorCode.TOO_MANY_SIGNIFICANT_FIGURES: "Round the price to the market's significant figures.",
    ErrorCode.NOTIONAL_TOO_LARGE: "Price times size exceeds 2^62; split the order.",
    ErrorCode.INVALID_SLIPPAGE: "The slippage bound of a market order is at most 10 %.",
    ErrorCode.NO_LIQUIDITY: "The opposite side of the book is empty; use a limit order.",
    ErrorCode.EXPIRY_NOT_ALLOWED: "Only resting orders can expire; set the expiry to zero.",
    ErrorCode.EXPIRY_IN_PAST: "The expiry must lie after the present time.",
    ErrorCode.REDUCE_ONLY_ON_SPOT: "Spot markets have no positions; clear reduce-only.",
    ErrorCode.REDUCE_ONLY_WOULD_INCREASE: "The order would not reduce a position; clear "
    "reduce-only or change the side.",
    ErrorCode.POST_ONLY_WOULD_CROSS: "The order would trade at once; move the price away.",
    ErrorCode.FOK_NOT_FILLABLE: "The book cannot fill the whole size at once within the bounds of "
    "one op; use IOC.",
    ErrorCode.CLIENT_ID_OUT_OF_RANGE: "Each half of a client id must be below 2^64 - 2^32 + 1.",
    ErrorCode.DUPLICATE_CLIENT_ID: "An open order of the account has this client id; use another.",
    ErrorCode.UNKNOWN_CLIENT_ID: "No open order of the account has this client id.",
    ErrorCode.UNKNOWN_ORDER: "No open order of the account has this id at this slot; it may have "
    "been filled or cancelled.",
    ErrorCode.TOO_MANY_OPEN_ORDERS: "The account has its maximum of open orders; cancel some.",
    ErrorCode.BOOK_FULL: "The book has no free record; try again later.",
    ErrorCode.DUTY_QUEUE_FULL: "No further expiry can be kept; use an order without expiry.",
    ErrorCode.MODIFY_CHANGES_NOTHING: "Price and size equal the order's; change one of them.",
    ErrorCode.SCHEDULE_TOO_SOON: "A scheduled cancel lies at least 5 seconds ahead.",
    ErrorCode.UNKNOWN_TIER: "This fee tier does not exist in the fee table.",
    ErrorCode.TIER_NOT_SELF_SERVICE: "This fee tier is assigned by governance only.",
    ErrorCode.TIER_COOLDOWN: "The fee tier can change once in 24 hours; wait.",
    ErrorCode.UNKNOWN_BUILDER: "This builder code is not registered.",
    ErrorCode.BUILDER_FEE_TOO_HIGH: "The builder fee exceeds the cap of this kind of market.",
    ErrorCode.BUILDER_FEE_NOT_APPROVED: "Approve the builder for at least this fee first.",
    ErrorCode.APPROVALS_FULL: "The account has its maximum of builder approvals; revoke one.",
    ErrorCode.BUILDER_ALREADY_REGISTERED: "The account already has a builder code.",
    ErrorCode.BUILDERS_FULL: "All builder codes are taken.",
    ErrorCode.INVALID_AGENT_SLOT: "Agent keys use slots 1 to 3.",
    ErrorCode.INVALID_AGENT: "An agent needs a non-zero address and an expiry in the future; "
    "zero for both revokes.",
    ErrorCode.INVALID_MARKET_PARAMETER: "A market parameter is out of range.",
    ErrorCode.MARKET_IMMUTABLE: "Kind, decimals and base asset of a market never change.",
    ErrorCode.INVALID_ASSET_PARAMETER: "An asset parameter is out of range.",
    ErrorCode.INVALID_FEE_PARAMETER: "A fee parameter is out of range.",
    ErrorCode.STALE_PRICE: "The price is too old or out of order; wait for a newer one.",
    ErrorCode.PRICE_QUORUM: "Too few sources signed this price; report it with more of them.",
    ErrorCode.PRICE_OUTSIDE_SNAPSHOT: "The price is too far from the last snapshot of L1, or "
    "there is none; take a new snapshot first.",
    ErrorCode.PRICE_JUMP: "The price is too far from the one before; report it in smaller steps.",
    ErrorCode.INSUFFICIENT_MARGIN: "The account's margin does not cover this; add collateral or "
    "reduce the size.",
    ErrorCode.MARKET_POST_ONLY: "The market has just reopened; only post-only orders are taken "
    "now.",
    ErrorCode.PRICE_OUTSIDE_BAND: "The limit is too far from the mark price; move it closer.",
    ErrorCode.OPEN_INTEREST_CAP: "The market's open interest is at its cap; only reducing "
    "orders are taken.",
    ErrorCode.CONCENTRATION_LIMIT: "The position would hold too large a share of the market; "
    "reduce the size.",
    ErrorCode.INVALID_LEVERAGE: "The leverage must be between 1 and 100, or 0 for the market's "
    "own.",
    ErrorCode.NOT_ISOLATED: "The account has no isolated position in this market; set the mode "
    "first.",
    ErrorCode.NOT_LIQUIDATABLE: "The account is above its maintenance margin and has no debt to "
    "settle.",
    ErrorCode.NOTHING_TO_SWEEP: "No account has risk; there is nothing to sweep.",
    ErrorCode.SWEEP_LATE: "Accounts must be checked for liquidation first; only cancels and "
    "reducing orders are taken until then.",
    ErrorCode.MARKET_IN_USE: "Margins can be set first only while the market has neither orders "
    "nor positions.",
    ErrorCode.TRIGGER_DUE: "The mark price has already reached the trigger; move it, or place the "
    "order without one.",
    ErrorCode.INVALID_TRIGGER: "Trigger, trailing distance and second leg contradict each other.",
    ErrorCode.ORDER_LINKED: "This order has a condition or a bracket; cancel it and place it anew.",
    ErrorCode.INVALID_TWAP: "A TWAP takes 2 to 2,880 slices of at least the minimum size, 10 to "
    "3,600 seconds apart.",
    ErrorCode.UNKNOWN_FUND: "There is no fund of this number.",
    ErrorCode.FUND_ACCOUNT: "Money of a fund moves only within it; use INVEST and REDEEM.",
    ErrorCode.INVALID_FUND: "Fee or lock-up of the fund is out of range.",
    ErrorCode.FUNDS_FULL: "All funds of this chain are taken.",
    ErrorCode.FUND_BANKRUPT: "The fund's shares are worth nothing; it takes no investment.",
    ErrorCode.FUND_TOO_WIDE: "The fund has more than 56 open positions and cannot be valued; "
    "close some.",
    ErrorCode.LEADER_SHARE: "The leader of the fund must keep 5 % of its shares.",
    ErrorCode.UNKNOWN_PEER: "There is no open channel to this chain; choose a linked chain.",
    ErrorCode.NOT_PLEDGEABLE: "Only collateral that this chain keeps on L1 can be pledged, and "
    "only a pledge be released; the quote asset cannot.",
    ErrorCode.PLEDGED_ASSET: "This balance is pledged on another chain; RELEASE it and withdraw "
    "it there.",
    ErrorCode.PLEDGES_FULL: "The owner has all eight links, or this one names another account; "
    "release one first.",
    ErrorCode.INVALID_EXPIRY: "A pledge ends one hour to one year ahead.",
    ErrorCode.UNKNOWN_PLEDGE: "There is no pledge of this account that covers this.",
    ErrorCode.NOTHING_TO_SEIZE: "No liquidation has taken units of this pledge.",
    ErrorCode.INVALID_LINK: "Channel or link contradicts what exists; see docs/spec/links.md.",
    ErrorCode.SNAPSHOT_NOT_FROM_L1: "This chain takes prices of L1 from the oracle hub alone; "
    "send its snapshot.",
    ErrorCode.BAD_READING: "The hub has no good reading of this feed; the price before stays.",
    ErrorCode.INVALID_FEED: "A field of the feed's entry is out of range.",
    ErrorCode.LISTING_FULL: "The chain values at most 64 assets and 64 margined markets.",
    ErrorCode.WRONG_MARKET: "Only positions in perpetuals can be closed; cancel spot orders.",
    ErrorCode.MESSAGE_MALFORMED: "The peer's message says something that cannot be; it is void.",
    ErrorCode.ENVELOPE_TRUNCATED: "The envelope is shorter than its header says.",
    ErrorCode.ENVELOPE_TOO_LONG: "The envelope is longer than 16,384 bytes or than it says.",
    ErrorCode.ENVELOPE_MALFORMED: "Version, kind, op count or a reserved byte is wrong.",
    ErrorCode.ENVELOPE_OP_NOT_ALLOWED: "This op kind may not travel in this kind of envelope.",
    ErrorCode.ARRIVAL_BACKWARDS: "The arrival time lies before that of an earlier envelope.",
    ErrorCode.WRONG_ACCOUNT: "The op names an account of another master than the envelope.",
    ErrorCode.UNKNOWN_SIGNER: "The signer is not registered for this account.",
    ErrorCode.SIGNER_EXPIRED: "The agent key has expired; register a new one.",
    ErrorCode.OWNER_KEY_NOT_ENABLED: "Switch on trading by the owner key, or use an agent key.",
    ErrorCode.AGENT_NOT_ALLOWED: "Only the owner key may sign this op.",
    ErrorCode.NONCE_OUT_OF_WINDOW: "Use the present time in milliseconds as nonce.",
    ErrorCode.NONCE_TOO_LOW: "Eight higher nonces equal to it mod 13 are used; use a higher one.",
    ErrorCode.NONCE_USED: "This nonce was used before; use a new one.",
    ErrorCode.PRIORITY_OUT_OF_ORDER: "Priority operations are consumed in the order of L1.",
    ErrorCode.PRIORITY_MALFORMED: "A field of the priority record is out of range.",
    ErrorCode.MESSAGE_OUT_OF_ORDER: "Messages of a channel are taken in the order of their sender.",
    ErrorCode.MESSAGE_AHEAD: "The message's slot lies ahead of this chain's time; take it later.",
    ErrorCode.ORACLE_OUT_OF_ORDER: "Snapshots of the oracle hub are taken in its order, by a chain "
    "that has feeds.",
    ErrorCode.ORACLE_AHEAD: "The snapshot lies ahead of this chain's time; advance the time first.",
    ErrorCode.MESSAGE_NEEDS_BODY: "Take the message with its body; without it only when governance "
    "has voided it and it has expired.",
}
