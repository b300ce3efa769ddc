"""Building and running RV32IM guests."""
