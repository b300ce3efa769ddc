# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title AggregatorMock: a price feed of Chainlink's shape
@license Apache-2.0
@notice For tests and local networks only. Anyone may set its answer.
"""

decimals: public(uint8)
answer: int256
updated_at_s: uint256
round_id: uint80


@deploy
def __init__(decimals: uint8, answer: int256):
    """
    @notice Create a feed that was updated now.
    @param decimals Number of decimals of the answer.
    @param answer First answer.
    """
    self.decimals = decimals
    self._update(answer, block.timestamp)


@external
def set_decimals(decimals: uint8):
    """
    @notice Change the decimals, as an aggregator that is replaced may.
    @param decimals Number of decimals of the answer.
    """
    self.decimals = decimals


@external
def update(answer: int256):
    """
    @notice Give a new answer now.
    @param answer Answer.
    """
    self._update(answer, block.timestamp)


@external
def update_at(answer: int256, updated_at_s: uint256):
    """
    @notice Give a new answer with a time of its own.
    @param answer Answer.
    @param updated_at_s Time that the feed states.
    """
    self._update(answer, updated_at_s)


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice The latest answer.
    @return Round.
    @return Answer.
    @return Time at which the round began.
    @return Time of the answer.
    @return Round of the answer.
    """
    return self.round_id, self.answer, self.updated_at_s, self.updated_at_s, self.round_id


@internal
def _update(answer: int256, updated_at_s: uint256):
    self.round_id += 1
    self.answer = answer
    self.updated_at_s = updated_at_s
