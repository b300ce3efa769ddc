"""The constraints of all tables as one straight-line program for the on-chain verifier.

`graph.py` collects the arithmetic, `machine.py` orders it and assigns registers, `quotient.py`
says what is computed. `contracts/verifier/constraints.vy` runs the program.
"""
