"""The bound of an intermediate value."""


def clamp(value: int, low: int, high: int) -> int:
    """Return the value in [low, high] that is nearest to `value`."""
    return max(low, min(value, high))
