"""STARK prover: C kernels with plain Python twins, commitments and the proof itself."""
