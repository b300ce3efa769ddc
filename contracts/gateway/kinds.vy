# pragma version ==0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Kinds of priority records, and their deadline
"""

DEPOSIT: constant(uint256) = 1
ADMIN: constant(uint256) = 2
# Forced operations of users, the first and the last; between them close,
# cancel all and unlink.
FORCED_WITHDRAW: constant(uint256) = 3
SWEEP: constant(uint256) = 7
REFUND: constant(uint256) = 8
PLEDGES_MOVED: constant(uint256) = 9
# A record that waits longer must be in the next settlement; a chain that
# leaves it can be frozen.
FORCE_EXPIRY_S: constant(uint256) = 3 * 86_400
