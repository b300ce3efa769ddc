"""The one exception of the state transition and the check that raises it."""

from offchain.spec.errors import ErrorCode


class OpError(Exception):
    """An op or an envelope was refused; the state is as it was before.

    Attributes
    ----------
    code : ErrorCode
        The reason, never ``ErrorCode.OK``.
    """

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(f"{code.name}: {code.sentence}")
        self.code = code


def require(condition: bool, code: ErrorCode) -> None:
    """Refuse the op unless `condition` holds.

    Raises
    ------
    OpError
        With `code`, when the condition is false.
    """
    if not condition:
        raise OpError(code)
