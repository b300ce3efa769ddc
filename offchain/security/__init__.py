"""How many bits of security a parameter set has, by proven bounds only."""
