"""One file per table; each has a `build` function that returns its description."""
