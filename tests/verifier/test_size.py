"""Expected proof sizes against openings counted one by one."""

from random import Random

import pytest

from offchain.air.machine import TABLES
from offchain.security.parameters import PROFILES
from offchain.security.size import expected_proof_bytes
from offchain.verifier.proof_format import Proof, out_of_domain_count
from tests.verifier.encoding import encode

LOG_HEIGHTS = [17, 16, 14, 16, 17, 13, 12, 13, 12, 12, 13, 17]


def tree_bytes(widths, salt, indices):
    """Rows and siblings at some indices; `widths` by log2 of the row count."""
    words = sum(
        len({i % (1 << log_rows) for i in indices}) * (width + salt)
        for log_rows, width in widths.items()
    )
    siblings = 0
    for log_size in range(1, max(widths) + 1):
        known = {i % (1 << log_size) for i in indices}
        siblings += 2 * len({i % (1 << (log_size - 1)) for i in known}) - len(known)
    return 8 * words + 32 * siblings


def counted(profile, indices):
    blowup, log_n = profile.log_blowup, max(LOG_HEIGHTS)
    trees = [({}, 0), ({}, 2), ({}, 2), ({log_n + blowup: 12}, 2)]
    for table, log_height in zip(TABLES, LOG_HEIGHTS, strict=True):
        counts = (len(table.preprocessed), len(table.main), 3 * len(table.fraction_groups()))
        for (widths, _), width in zip(trees, counts, strict=False):
            if width:
                widths[log_height + blowup] = widths.get(log_height + blowup, 0) + width
    log_size = log_n + blowup
    for fold_log in profile.fold_logs(log_n):
        log_size -= fold_log
        trees.append(({log_size: 3 << fold_log}, 0))
    return sum(tree_bytes(widths, salt, indices) for widths, salt in trees)


def head_length(profile):
    log_n = max(LOG_HEIGHTS)
    heights = [log for table, log in zip(TABLES, LOG_HEIGHTS, strict=True) if table.preprocessed]
    digest, zero = bytes(32), (0, 0, 0)
    values = (zero,) * out_of_domain_count(TABLES)
    roots = (digest,) * len(profile.fold_logs(log_n))
    final = (zero,) * (1 << profile.final_log)
    fixed = (0, digest, tuple(heights), digest, digest, digest, values, roots, final, 0, b"")
    return len(encode(Proof(profile, tuple(LOG_HEIGHTS), (), *fixed)))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_expected_size_is_the_average(profile):
    rng, size = Random(2), 1 << (max(LOG_HEIGHTS) + profile.log_blowup)
    draws = [{rng.randrange(size) for _ in range(profile.queries)} for _ in range(40)]
    average = sum(counted(profile, indices) for indices in draws) / len(draws)
    expected = expected_proof_bytes(profile, LOG_HEIGHTS)
    assert expected == pytest.approx(head_length(profile) + average, rel=0.005)
