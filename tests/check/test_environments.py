"""How many environments there are at once, and who meets a cold start."""

import pytest

from lambdify.cli.check.environments import IDLE, Environments


def serve(requests, *, warm=0, init=1.0):
    environments = Environments(init=init, warm=warm)
    for at, seconds in requests:
        environments.serve(at, seconds)
    return environments.cold, environments.most


@pytest.mark.parametrize(
    ("requests", "warm", "cold", "most"),
    [
        ([], 0, 0, 0),
        ([(0, 0.1)], 0, 1, 1),
        ([(0, 0.1)], 1, 0, 1),
        ([(0, 5), (2, 5), (4, 5)], 1, 2, 3),
        ([(0, 5), (2, 5), (4, 5)], 3, 0, 3),
        ([(0, 0.1), (5, 0.1), (10, 0.1)], 0, 1, 1),
        # The cold start itself keeps the environment busy: 0.1 s and 1 s.
        ([(0, 0.1), (1, 0.1)], 0, 2, 2),
        ([(0, 0.1), (1.2, 0.1)], 0, 1, 1),
        ([(0, 0.1), (IDLE, 0.1)], 0, 1, 1),
        ([(0, 0.1), (IDLE + 2, 0.1)], 0, 2, 1),
        ([(0, 0.1), (IDLE + 2, 0.1)], 1, 0, 1),
        # Two are needed at once, ten minutes later one of them is left: the one that is kept warm.
        ([(0, 5), (1, 5), (2000, 5), (2001, 5)], 1, 2, 2),
        # Whoever is free last is asked first, so the other one ends.
        ([(0, 5), (1, 5), *((at, 1) for at in range(100, 700, 100)), (750, 5), (751, 5)], 1, 2, 2),
    ],
)
def test_an_environment_has_one_request_and_ends_ten_minutes_later(requests, warm, cold, most):
    assert serve(requests, warm=warm) == (cold, most)
