"""Executable model of the gateway: docs/spec/settlement.md as code, without L1."""
