"""The algebraic intermediate representation of the machine, described once.

`machine.py` lists the tables and buses; `tables/` has one file per table. Prover, verifier,
documentation and the generated C evaluators all read this description and nothing else.
"""
