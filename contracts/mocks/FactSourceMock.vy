# pragma version ==0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Facts by say-so, for tests
@notice Stands where StarkVerifier stands: anyone records a fact, and if told
        so it holds everything true.
"""

from interfaces import IFactRegistry

implements: IFactRegistry

_is_recorded: HashMap[bytes32, bool]
accepts_all: public(bool)


@external
def record(fact: bytes32):
    """
    @notice Hold a fact true.
    @param fact The fact.
    """
    self._is_recorded[fact] = True


@external
def accept_all(accepts_all: bool):
    """
    @notice Break: hold every fact true.
    @param accepts_all Whether to.
    """
    self.accepts_all = accepts_all


@external
@view
def is_fact(fact: bytes32) -> bool:
    """
    @notice Whether a fact is held true.
    @param fact The fact.
    @return True if it is.
    """
    return self.accepts_all or self._is_recorded[fact]
