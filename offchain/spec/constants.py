"""Genesis constants of the state transition: the single source.

``python -m offchain.tools.gen_constants`` turns this module, :mod:`offchain.spec.errors` and
:mod:`offchain.spec.kinds` into ``offchain/core/include/headrace/constants.h`` and
``docs/spec/constants.md``. Every public name here is an ``int``; the comment on its line
(or above it) is its unit and reason, and becomes the table's text.
"""

from typing import Final

# --- numbers -----------------------------------------------------------------------------
GOLDILOCKS_P: Final = 2**64 - 2**32 + 1  # field modulus; every hashed word is below it
SIGNED_BIAS: Final = 2**62  # a signed value v is stored as v + SIGNED_BIAS
VALUE_LIMIT: Final = 2**62  # exclusive bound of every amount, notional and |signed value|
POSITION_VALUE_LIMIT: Final = 2**61  # exclusive bound of |cost| and |quote| after a perpetual fill
FOK_NOTIONAL_LIMIT: Final = 2**59  # exclusive bound of what a fill-or-kill order may trade for
SIZE_LIMIT: Final = 2**40  # exclusive bound of an order size and of |position size|, in lots
PRICE_MAX: Final = 2**32 - 2  # largest price, in price units (0 is not a price)
PPM: Final = 1_000_000  # parts per million
QUOTE_DECIMALS: Final = 8  # a quote unit is 1e-8
PERP_PRICE_DECIMALS: Final = 6  # price unit of a perpetual is 10^-(6 - sz_decimals)
SPOT_PRICE_DECIMALS: Final = 8  # price unit of a spot market is 10^-(8 - sz_decimals)
PERP_QUOTE_MULTIPLIER: Final = 100  # quote units in (price unit x lot) of a perpetual
SPOT_QUOTE_MULTIPLIER: Final = 1  # quote units in (price unit x lot) of a spot market

# --- bounds of one operation -------------------------------------------------------------
MAX_STEPS: Final = 64  # makers or list entries one op may touch before a continuation
OP_BYTES: Final = 64  # length of an op
EVENT_BYTES: Final = 64  # length of an event
ENVELOPE_HEADER_BYTES: Final = 128  # fixed part of an envelope
ENVELOPE_MAX_BYTES: Final = 16_384  # whole envelope
ENVELOPE_MAX_OPS: Final = 40  # ops in one user or system envelope
PRIORITY_RECORD_BYTES: Final = 256  # eight ABI words
MAX_OPEN_ORDERS: Final = 1_000  # resting orders of one account

# --- capacities (the shape of the state tree) --------------------------------------------
LEAF_BYTES: Final = 64  # bytes of records hashed into one book, position or duty leaf
MASTER_BITS: Final = 17  # masters per chain: 2^17
SUB_ACCOUNT_BITS: Final = 5  # account id = master x 32 + sub-account
SIGNERS_PER_MASTER: Final = 4  # slot 0 is the owner's key, slots 1 to 3 are agents
POSITIONS_PER_ACCOUNT: Final = 16
BALANCES_PER_ACCOUNT: Final = 8  # slot 0 is always the quote asset
APPROVALS_PER_ACCOUNT: Final = 8  # builder approvals
MAX_ASSETS: Final = 256
MAX_MARKETS: Final = 1_024  # the low ten bits of an order id are its market
MARKET_BITS: Final = 10
MAX_FEE_TABLES: Final = 16
TIERS_PER_TABLE: Final = 8
MAX_BUILDERS: Final = 4_096  # index 0 means no builder
ORDER_CAPACITY: Final = 1_048_576  # order records; slot 0 is the null record
LEVEL_CAPACITY: Final = 262_144  # level records; slot 0 is the null record
DUTY_CAPACITY: Final = 1_048_576  # entries of the duty heap
NONCE_SETS: Final = 13  # nonce n of a signer belongs to its set n mod 13
NONCES_PER_SET: Final = 8  # the highest nonces of a set that were used
SIGNER_LEAVES: Final = 16  # leaves of one signer: its record, then its nonce sets

# --- assets and accounts -----------------------------------------------------------------
QUOTE_ASSET: Final = 0  # the quote of every market; balance slot 0 of every account
FEE_ACCOUNT: Final = 1  # account that receives fees (master 0, sub-account 1)
INSURANCE_ACCOUNT: Final = 2  # insurance fund (master 0, sub-account 2)

# --- fees --------------------------------------------------------------------------------
RETAIL_TIER: Final = 0  # tier of a new account
API_TIER: Final = 1  # tier whose fees a metered tier pays above its quota
MAX_FEE_PPM: Final = 1_000  # upper bound of every maker and taker fee
MAX_BUILDER_FEE_PERP: Final = 500  # builder fee cap of perpetuals, unit 0.1 bp (0.5 %)
MAX_BUILDER_FEE_SPOT: Final = 2_000  # builder fee cap of spot, unit 0.1 bp (2 %)
BUILDER_FEE_UNIT_PPM: Final = 10  # one builder fee unit in ppm
TIER_COOLDOWN_S: Final = 86_400  # between two changes of tier
QUOTA_WINDOW_S: Final = 60  # window of the retail op quota

# --- time --------------------------------------------------------------------------------
DEADMAN_MIN_S: Final = 5  # a scheduled cancel lies at least so far ahead
NONCE_PAST_MS: Final = 172_800_000  # a nonce is at most two days older than its arrival
NONCE_FUTURE_MS: Final = 86_400_000  # a nonce is at most one day ahead of its arrival
MAX_SLIPPAGE_PPM: Final = 100_000  # bound of a market order

# --- risk (docs/spec/risk.md) --------------------------------------------------------------
MICRO_LIMIT: Final = 2**57  # bound of every term of a margin sum, in 10^-6 quote tokens
QUOTE_PER_MICRO: Final = 100  # quote units in 10^-6 quote tokens
FRACTION_ONE: Final = 2**48  # one whole, in shares of a market side and fractions of a lot
SIDE_RESET: Final = 2**32  # a side of which less than this share is left ends its epoch (2^-16)
PAID_INDEX_LIMIT: Final = 2**61  # exclusive bound of |paid index|, in 10^-6 quote units per lot
INDEX_ONE: Final = 10**12  # start of the interest indices, and a redemption rate of 1
RISK_LEAF_BYTES: Final = 512  # record of a market's or an asset's risk
ASSET_RISK_LEAF: Final = 1_024  # leaf of asset 0 in the risk subtree; below are the markets'
YEAR_S: Final = 31_536_000  # 365 days
EMA_WINDOW_S: Final = 150  # time constant of the basis between book and index
MARK_MAX_AGE_S: Final = 60  # older marks take no new risk and liquidate nobody
PRICE_UNIT_LIMIT: Final = 2**53  # exclusive bound of price_e8 from L1
RATE_LIMIT_E12: Final = 10**15  # largest redemption rate
MINUTE_S: Final = 60  # between two samples of the premium
HOUR_S: Final = 3_600  # between two fundings
SAMPLES_PER_HOUR: Final = 60  # a missing sample counts as 0
FUNDING_PERIODS: Final = 8  # rates are per eight hours and paid by the hour
FUNDING_CLAMP_PPM: Final = 500  # how far the interest may pull the rate from the premium
IMPACT_LEVELS: Final = 16  # levels that an impact price looks at
STALE_HAIRCUT_PPM: Final = 10_000  # of the weight, per missed heartbeat of a collateral's price
IMPAIRED_HAIRCUT_PPM: Final = 50_000  # of the liquidation weight, per hour of impairment
WITHDRAW_MARGIN_PPM: Final = 100_000  # of the notional that stays when money leaves an account
TRANCHE_PPM: Final = 200_000  # of a position that one liquidation order closes at most
SWEEP_PERIOD_S: Final = 600  # within which every account with risk is looked at
REOPEN_POST_ONLY_S: Final = 60  # post-only phase after a halt
MAX_LEVERAGE: Final = 100  # that a user may set
HEDGE_WEIGHT_PPM: Final = 970_000  # largest liquidation weight of collateral that hedges a short
HEDGE_FLOOR_PPM: Final = 20_000  # least maintenance of the hedged part, of its notional
DAY_S: Final = 86_400
UNIT_INDEX_MIN_E12: Final = 10**9  # the yield share never takes an index below

# --- conditional orders (docs/spec/conditional-orders.md) ------------------------------------
TRAIL_STEP_S: Final = 60  # between two moves of a trailing stop
TWAP_MIN_INTERVAL_S: Final = 10  # between two slices
TWAP_MAX_INTERVAL_S: Final = 3_600
TWAP_MAX_SLICES: Final = 2_880
TWAP_CATCH_UP: Final = 3  # a slice is at most so many times the even one

# --- funds (docs/spec/funds.md) ----------------------------------------------------------------
FUND_LIMIT: Final = 128  # funds of a chain; fund f is master 2^17 - 1 - f, its shares asset 128 + f
SHARE_ASSET: Final = 128  # asset of the shares of fund 0; assets from here on are shares
FUND_BUCKETS: Final = 8  # sub-accounts of a fund, each of which can lose only its own money
FUND_MAX_POSITIONS: Final = 56  # open positions of a fund that one valuation looks at
FUND_MAX_FEE_PPM: Final = 200_000  # of the rise above the high-water mark
FUND_MIN_LOCKUP_S: Final = 3_600
FUND_MAX_LOCKUP_S: Final = 2_592_000
FUND_MIN_SEED: Final = 10**10  # quote units that the first shares cost at least
FUND_MIN_AMOUNT: Final = 10**9  # quote units, or shares, of one investment or redemption
FUND_LEADER_PPM: Final = 50_000  # of all shares, that the leader keeps
FUND_RETRY_S: Final = 600  # until a redemption that could not be paid is tried again
SHARE_PRICE_ONE_E8: Final = 10**8  # quote units of 10^8 shares at the start

# --- links between chains (docs/spec/links.md) ---------------------------------------------------
MAX_CHANNELS: Final = 64  # leaves of the channels' subtree
LINKS_PER_CHANNEL: Final = 16  # assets that a peer's pledges can stand for
RESERVATIONS_PER_MASTER: Final = 8  # pledges given and held
LINK_ASSET: Final = 64  # pledged assets have ids from here up to the shares of funds
PLEDGE_MIN_S: Final = 3_600  # a pledge ends at least so far ahead
PLEDGE_MAX_S: Final = 31_536_000
PLEDGE_RETRY_S: Final = 600  # until a pledge that is still needed is looked at again
MESSAGE_TTL_S: Final = 604_800  # until a message expires: room for proving and delivery
MESSAGE_BODY_BYTES: Final = 64  # the event that a message tells
MESSAGE_PAYLOAD_BYTES: Final = 552  # channel, is_void, the gateway's envelope of 15 words, body
MAX_MESSAGES_IN_FLIGHT: Final = 256  # of a channel; the gateway refuses one more (E47)
HALVINGS: Final = 16  # amounts that a payout without a wish tries, each half of the one before

# --- inputs of L1 (docs/spec/l1-inputs.md, docs/spec/escape.md) -----------------------------------
ORACLE_LEAF: Final = 2_047  # oracle record, in the risk subtree
LISTING_LEAF: Final = 2_046  # listing record, in the risk subtree
FEED_ENTRIES: Final = 32  # what snapshots price, and readings of a snapshot
LISTED_MAX: Final = 64  # markets, and assets, of the valuation table
