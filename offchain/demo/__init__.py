"""The thin path as one run: deposits on L1, trading, settlement, claims on L1."""
