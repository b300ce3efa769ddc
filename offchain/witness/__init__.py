"""Witnesses: what the proof of a batch reads instead of the whole state (docs/spec/witness.md)."""
