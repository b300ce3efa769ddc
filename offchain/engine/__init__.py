"""Sequencer: signature check, time, core, journal and batches around the state transition."""
