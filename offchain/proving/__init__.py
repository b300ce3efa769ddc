"""Proofs of sealed batches: from the sequencer's envelopes to files that L1 accepts."""
