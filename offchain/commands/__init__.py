"""Commands of ``headrace``: each module here holds the click command of its own name."""
