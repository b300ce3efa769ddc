"""The verifier in plain Python: no C, no numpy; docs/spec/proof-system.md is what it implements.

Read in this order: `parameters`, `rejection`, `field`, `transcript`, `proof_format`, `merkle`,
`fiat_shamir`, `constraints`, `deep`, `fri`, `verify`.
"""
