"""Each error of the contracts belongs to one stateful test, which asserts that it is given."""

from tests.onchain.refusals import FAMILIES, ONLY_LOCAL, codes_of


def test_every_error_is_of_one_family():
    families = [codes_of(*patterns) for patterns in (*FAMILIES.values(), ONLY_LOCAL)]
    assert set.union(*families) == codes_of("*.vy", "*/*.vy")
    assert sum(map(len, families)) == len(codes_of("*.vy", "*/*.vy"))
