"""Enumerations that travel in ops, events and records. Numbers are part of the interface."""

from enum import IntEnum


class OpKind(IntEnum):
    """First byte of an op. 1-31 user, 32-63 system, 64-95 from L1 (65-79 by governance)."""

    PLACE = 1
    MODIFY = 2
    CANCEL = 3
    CANCEL_BY_CLIENT_ID = 4
    CANCEL_ALL = 5
    SCHEDULE_CANCEL = 6
    TRANSFER = 7
    WITHDRAW = 8
    SET_TIER = 9
    APPROVE_BUILDER = 10
    REGISTER_BUILDER = 11
    SET_AGENT = 12
    SET_OWNER_KEY = 13
    SET_LEVERAGE = 14
    MOVE_MARGIN = 15
    PLACE_TRIGGER = 16
    PLACE_TWAP = 17
    INVEST = 18
    REDEEM = 19
    CREATE_FUND = 20
    PLEDGE = 21
    RELEASE = 22
    ADVANCE_TIME = 32
    CONTINUE = 33
    RUN_DUTIES = 34
    SEAL_BATCH = 35
    SNAPSHOT = 36
    PRICE_REPORT = 37
    LIQUIDATE = 38
    SWEEP = 39
    SEIZE = 40
    DEPOSIT = 64
    ADMIN_ASSET = 65
    ADMIN_MARKET = 66
    ADMIN_FEE_TIER = 67
    ADMIN_MARKET_PRICES = 68
    ADMIN_MARKET_RISK = 69
    ADMIN_ASSET_RISK = 70
    ADMIN_CREDIT = 71
    ADMIN_MARKET_WATERFALL = 72
    ADMIN_MARKET_CALENDAR = 73
    ADMIN_FUND = 74
    ADMIN_CHANNEL = 75
    ADMIN_LINK = 76
    ADMIN_FEED = 77
    ADMIN_VOID = 78
    FORCED_WITHDRAW = 80
    FORCED_CLOSE = 81
    FORCED_CANCEL = 82
    FORCED_UNLINK = 83
    FORCED_SWEEP = 84
    NOTICE = 85
    PLEDGES_MOVED = 86


class EventKind(IntEnum):
    """Type field of an event; its six values are listed in docs/spec/transition.md."""

    RESTED = 1
    FILL = 2
    DONE = 3
    CANCELLED = 4
    REDUCED = 5
    CONTINUED = 6
    BUILDER_FEE = 7
    POSITION = 8
    DEPOSITED = 9
    WITHDRAWAL = 10
    TRANSFERRED = 11
    TIER_SET = 12
    BUILDER_APPROVED = 13
    BUILDER_REGISTERED = 14
    AGENT_SET = 15
    CANCEL_SCHEDULED = 16
    TIME_ADVANCED = 17
    ASSET_SET = 18
    MARKET_SET = 19
    FEE_TIER_SET = 20
    REJECTED = 21
    BATCH_SEALED = 22
    DEADMAN_FIRED = 23
    OWNER_KEY_SET = 24
    SETTLED = 25
    SNAPSHOT_TAKEN = 26
    PRICE_REPORTED = 27
    FUNDING = 28
    LIQUIDATED = 29
    DELEVERAGED = 30
    EXCHANGED = 31
    BAD_DEBT = 32
    INTEREST = 33
    LAP_ENDED = 34
    LEVERAGE_SET = 35
    MARGIN_MOVED = 36
    MARKET_PRICES_SET = 37
    MARKET_RISK_SET = 38
    ASSET_RISK_SET = 39
    CREDIT_SET = 40
    RESIDUE = 41
    TRIGGER_PLACED = 42
    TRIGGERED = 43
    TRIGGER_MOVED = 44
    TWAP_PLACED = 45
    TWAP_SLICE = 46
    FUND_CREATED = 47
    SHARES_MINTED = 48
    SHARES_QUEUED = 49
    SHARES_BURNED = 50
    REDEMPTION_POSTPONED = 51
    WATERFALL_SET = 52
    CALENDAR_SET = 53
    YIELD_SHARED = 54
    EARNED = 55
    PLEDGED = 56
    RELEASED = 57
    UNLOCKED = 58
    SEIZE_REQUESTED = 59
    PLEDGE_TAKEN = 60
    SEIZED = 61
    LIQUIDATION_DONE = 62
    MESSAGE_SENT = 63
    MESSAGE_TAKEN = 64
    REDEEMED = 65
    FEED_SET = 66
    ORACLE_READ = 67
    PRIORITY_NOTED = 68
    CHANNEL_SET = 69
    LINK_SET = 70
    PLEDGES_MOVED = 71
    MESSAGES_VOIDED = 72


class Reason(IntEnum):
    """Why an order ended or shrank."""

    FILLED = 1
    USER = 2
    IOC = 3
    SELF_TRADE = 4
    REDUCE_ONLY = 5
    EXPIRED = 6
    DEADMAN = 7
    MODIFIED = 8
    LIMIT = 9
    MARGIN = 10
    LIQUIDATION = 11
    PRICE_BAND = 12
    LINKED = 13
    REFUSED = 14
    FORCED = 15


class MarketKind(IntEnum):
    """Kind of a market; 0 in a record means that the market does not exist."""

    PERP = 1
    SPOT = 2


class MarketStatus(IntEnum):
    """Whether a market takes orders; cancels always work."""

    HALTED = 0
    OPEN = 1


class TimeInForce(IntEnum):
    """How long an order lives. Good-till-time is GTC or POST_ONLY with an expiry."""

    GTC = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 3


class SelfTrade(IntEnum):
    """What happens when a taker meets an order of its own account (or master)."""

    EXPIRE_MAKER = 0
    EXPIRE_TAKER = 1
    EXPIRE_BOTH = 2
    REDUCE = 3


class PlaceFlag(IntEnum):
    """Bits of the flags byte of PLACE, MODIFY, PLACE_TRIGGER and PLACE_TWAP."""

    IS_ASK = 1
    REDUCE_ONLY = 2
    IS_MARKET = 4
    SELF_TRADE_BY_MASTER = 8
    BRACKET = 16
    FIRES_ABOVE = 32


class OrderFlag(IntEnum):
    """Low eight bits of an order record's attributes."""

    IS_ASK = 1
    REDUCE_ONLY = 2
    API_FEE = 4
    LIQUIDATION = 8
    LINKED = 16
    TRIGGER = 32
    TWAP = 64
    REDEMPTION = 128


class AccountFlag(IntEnum):
    """Bits of an account's flags."""

    EXISTS = 1
    OWNER_KEY_TRADES = 2
    SWEPT = 4
    FUND = 8
    OWES = 16


class AssetFlag(IntEnum):
    """Bits of an asset's flags."""

    EXISTS = 1
    DEPOSITS_OPEN = 2
    LINKED = 4


class TierFlag(IntEnum):
    """Bits of a fee tier's flags."""

    EXISTS = 1
    SELF_SERVICE = 2


class MarketRiskFlag(IntEnum):
    """Bits of a market risk's flags."""

    PRICED = 1
    MARGINED = 2
    ADL_QUEUE = 4


class AssetRiskFlag(IntEnum):
    """Bits of an asset risk's flags."""

    EXISTS = 1
    IMPAIRED = 2


class FundFlag(IntEnum):
    """Bits of a fund's flags."""

    EXISTS = 1
    PROTOCOL = 2


class MarginMode(IntEnum):
    """Which money backs a position: the account's or its own."""

    CROSS = 0
    ISOLATED = 1


class SnapshotTarget(IntEnum):
    """What a snapshot of L1 prices."""

    ASSET = 0
    MARKET = 1


class SignerFlag(IntEnum):
    """Bits of a signer's flags."""

    EXISTS = 1


class Continuation(IntEnum):
    """What the header's continuation is doing."""

    NONE = 0
    MATCH = 1
    CANCEL_ALL = 2
    ADL_QUEUE = 3
    FORCED = 4


class DutyKind(IntEnum):
    """Kind of an entry of the duty heap."""

    EXPIRY = 1
    DEADMAN = 2
    MARKET_MINUTE = 3
    TWAP = 4
    TRAIL = 5
    REDEEM = 6
    PLEDGE = 7


class EnvelopeKind(IntEnum):
    """Kind byte of an envelope."""

    USER = 1
    SYSTEM = 2
    PRIORITY = 3
    MESSAGE = 4
    ORACLE = 5


class PriorityKind(IntEnum):
    """Kind word of an L1 priority record."""

    DEPOSIT = 1
    ADMIN = 2
    FORCED_WITHDRAW = 3
    FORCED_CLOSE = 4
    CANCEL_ALL = 5
    UNLINK = 6
    SWEEP = 7
    REFUND = 8
    PLEDGES_MOVED = 9


class ChannelFlag(IntEnum):
    """Bits of a channel's flags."""

    SEVERED = 1


class ReservationRole(IntEnum):
    """Whether this chain keeps the pledged collateral, or holds the pledge."""

    GIVEN = 1
    HELD = 2


class MessageFlag(IntEnum):
    """Flags of a message between chains (docs/spec/settlement.md section 3)."""

    ATOMIC = 1
    SEIZURE = 2


class ReadingStatus(IntEnum):
    """Status of a reading of the oracle hub that has a value."""

    OK = 1
    CAPPED = 2


class Subtree(IntEnum):
    """Position of a subtree under the state root (sixteen, in this order)."""

    HEADER = 0
    CONFIG = 1
    ASSETS = 2
    MARKETS = 3
    FEE_TABLES = 4
    ACCOUNTS = 5
    POSITIONS = 6
    SIGNERS = 7
    ORDERS = 8
    LEVELS = 9
    DUTIES = 10
    RISK = 11
    CHANNELS = 12
    RESERVATIONS = 13
    FUNDS = 14
    BUILDERS = 15
