"""L1 side of the exchange: encoders, contracts, deployment and local chains."""
