"""vec.h and field_ext.h, from which constraint evaluators are generated, on all pairs of edges."""

import ctypes
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from offchain.prover import native_build, reference
from offchain.prover.levels import available_levels
from offchain.prover.reference import P

SOURCE = Path(__file__).with_name("arithmetic.c")

native_build.build_all()

# Sums and products of these meet every carry, borrow and final subtraction.
EDGES = [0, 1, 2, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**33 - 1, 2**63]
EDGES += [P - edge for edge in EDGES[1:]]
RANDOM = Random(1)
PAIRS = list(product(EDGES, EDGES))
PAIRS += [(RANDOM.randrange(P), RANDOM.randrange(P)) for _ in range(-len(PAIRS) % 8 + 512)]

OPERATIONS = {
    "add": lambda a, b: (a + b) % P,
    "sub": lambda a, b: (a - b) % P,
    "mul": lambda a, b: a * b % P,
    "neg": lambda a, _: -a % P,
    "mul_constant": lambda a, _: 7 * a % P,
}
EXT_OPERATIONS = {
    "ext_add": reference.ext_add,
    "ext_sub": reference.ext_sub,
    "ext_mul": reference.ext_mul,
    "ext_neg": lambda a, _: reference.ext_sub((0, 0, 0), a),
    "ext_add_base": lambda a, b: reference.ext_add(a, (b[0], 0, 0)),
    "ext_sub_base": lambda a, b: reference.ext_sub(a, (b[0], 0, 0)),
    "ext_mul_base": lambda a, b: reference.ext_mul(a, (b[0], 0, 0)),
    "ext_from_base": lambda _, b: (b[0], 0, 0),
}


@pytest.fixture(scope="module", params=available_levels())
def library(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("arithmetic") / f"{request.param}.so"
    native_build.compile_library(request.param, [SOURCE], path)
    return ctypes.CDLL(str(path))


def apply(library, name, left, right):
    out = np.zeros_like(left)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (out, left, right)]
    getattr(library, name)(*pointers, ctypes.c_size_t(left.shape[-1]))
    return out


@pytest.mark.parametrize("name", OPERATIONS)
def test_base_field(library, name):
    left, right = np.array(PAIRS, np.uint64).T.copy()
    expected = [OPERATIONS[name](a, b) for a, b in PAIRS]
    assert apply(library, name, left, right).tolist() == expected


@pytest.mark.parametrize("name", EXT_OPERATIONS)
def test_extension(library, name):
    random = Random(2)
    values = [[tuple(random.choices(EDGES, k=3)) for _ in range(4096)] for _ in range(2)]
    left, right = (np.array(v, np.uint64).T.copy() for v in values)
    expected = [EXT_OPERATIONS[name](a, b) for a, b in zip(*values, strict=True)]
    assert list(map(tuple, apply(library, name, left, right).T.tolist())) == expected


def test_transpose(library):
    square = np.arange(64, dtype=np.uint64).reshape(8, 8)
    expected = square.T.tolist()
    library.transpose(ctypes.c_void_p(square.ctypes.data))
    assert square.tolist() == expected
