"""Side-by-side benchmarks: the shared workload, contenders, and the harness that judges them."""
