"""Order flow: replay of recorded exchange feeds and generators of synthetic flow."""
