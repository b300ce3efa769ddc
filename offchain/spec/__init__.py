"""Executable specification of the exchange: exact integers, slow, readable, no I/O."""
