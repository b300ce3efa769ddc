"""The state transition in C, and its Python binding (:mod:`offchain.core.binding`)."""
