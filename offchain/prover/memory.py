"""How much memory a proof may take beyond what it cannot do without."""

import os
from pathlib import Path
from typing import Final

_MEMINFO: Final = Path("/proc/meminfo")
_CGROUP: Final = Path("/sys/fs/cgroup")
_UNKNOWN_BYTES: Final = 1 << 32
"""Taken as free where the system does not say."""


def free_memory_bytes() -> int:
    """Memory that can be had now without swapping, in bytes.

    On Linux ``MemAvailable`` of /proc/meminfo, and no more than the process's control group leaves;
    elsewhere the free pages, or 4 GiB if the system does not count them.
    """
    try:
        fields = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
        free = 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError):
        try:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError):
            return _UNKNOWN_BYTES
    return max(0, min(free, _group_bytes(free)))


def _group_bytes(otherwise: int) -> int:
    """Memory that the control group of this process (version 2) still allows."""
    try:
        limit, used = ((_CGROUP / f"memory.{name}").read_text() for name in ("max", "current"))
    except OSError:
        return otherwise
    return otherwise if limit.strip() == "max" else int(limit) - int(used)
