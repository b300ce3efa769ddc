"""Write flattened device tree blobs without the device-tree compiler.

Spike calls `dtc` to compile the description of its own machine unless it is given a blob. The
format is version 17 of the Devicetree Specification v0.4, chapter 5: a header of ten big-endian
words, an empty memory reservation block, a structure block of tagged words and a block of
property names.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

MAGIC = 0xD00DFEED
VERSION = 17
LAST_COMPATIBLE_VERSION = 16
BEGIN_NODE = 1
END_NODE = 2
PROPERTY = 3
END = 9
HEADER_BYTES = 40
RESERVATION_BYTES = 16

Value = str | bytes | int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a device tree.

    Attributes
    ----------
    properties
        Name to value: text becomes a zero-terminated string, integers big-endian 32-bit cells
        (0 to 2^32 - 1), bytes are taken as they are.
    children
        Name (with unit address, as in ``cpu@0``) to node.
    """

    properties: Mapping[str, Value] = field(default_factory=dict)
    children: Mapping[str, Node] = field(default_factory=dict)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _encode_value(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode("ascii") + b"\0"
    if isinstance(value, bytes):
        return value
    cells = (value,) if isinstance(value, int) else value
    return struct.pack(f">{len(cells)}I", *cells)


def _encode_node(name: str, node: Node, name_offsets: dict[str, int]) -> bytes:
    # name_offsets grows in order: the next name lands after all names so far.
    parts = [struct.pack(">I", BEGIN_NODE), _padded(name.encode("ascii") + b"\0")]
    for key, value in node.properties.items():
        if key not in name_offsets:
            name_offsets[key] = sum(len(known) + 1 for known in name_offsets)
        data = _encode_value(value)
        parts += [struct.pack(">3I", PROPERTY, len(data), name_offsets[key]), _padded(data)]
    parts += [_encode_node(key, child, name_offsets) for key, child in node.children.items()]
    parts.append(struct.pack(">I", END_NODE))
    return b"".join(parts)


def encode(root: Node) -> bytes:
    """Encode a device tree as a flattened blob.

    Parameters
    ----------
    root
        The root node; its name is empty.

    Returns
    -------
    bytes
        The blob, a whole number of 32-bit words but for the names at its end.

    Raises
    ------
    struct.error
        If an integer is outside 0 to 2^32 - 1.
    UnicodeEncodeError
        If a name or text is not ASCII.

    Source: Devicetree Specification v0.4, chapter 5.
    """
    name_offsets: dict[str, int] = {}
    structure = _encode_node("", root, name_offsets) + struct.pack(">I", END)
    names = b"".join(name.encode("ascii") + b"\0" for name in name_offsets)
    structure_offset = HEADER_BYTES + RESERVATION_BYTES
    names_offset = structure_offset + len(structure)
    header = struct.pack(
        ">10I",
        MAGIC,
        names_offset + len(names),
        structure_offset,
        names_offset,
        HEADER_BYTES,
        VERSION,
        LAST_COMPATIBLE_VERSION,
        0,  # physical id of the boot CPU
        len(names),
        len(structure),
    )
    return header + bytes(RESERVATION_BYTES) + structure + names


def spike_machine(isa: str, memory: Mapping[int, int]) -> Node:
    """Describe a one-hart Spike machine.

    Parameters
    ----------
    isa
        The ISA string, as given to Spike's ``--isa``.
    memory
        Base address to size in bytes of every RAM region, all below 2^32.

    Returns
    -------
    Node
        The root of the tree. It has no interrupt controller, timer or serial port: Spike
        attaches a device only where the tree names it.
    """
    hart = Node(
        {
            "device_type": "cpu",
            "reg": 0,
            "status": "okay",
            "compatible": "riscv",
            "riscv,isa": isa,
            "riscv,pmpregions": 16,
            "riscv,pmpgranularity": 4,
        }
    )
    children = {
        "cpus": Node(
            {"#address-cells": 1, "#size-cells": 0, "timebase-frequency": 10_000_000},
            {"cpu@0": hart},
        )
    }
    for base, size_bytes in memory.items():
        children[f"memory@{base:x}"] = Node(
            {"device_type": "memory", "reg": (0, base, 0, size_bytes)}
        )
    children["htif"] = Node({"compatible": "ucb,htif0"})
    return Node({"#address-cells": 2, "#size-cells": 2, "compatible": "headrace,guest"}, children)
