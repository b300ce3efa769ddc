"""Headrace: the off-chain half of a ZK perpetuals exchange."""
