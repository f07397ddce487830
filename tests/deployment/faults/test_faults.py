"""What can happen to a call can happen to every one of them; the next run does what there is to do.

Each call of a first deployment, a later one, a rollback and a removal has its place (the third DescribeStacks
is one). There it is refused, in each of the ways in which AWS or the network refuse, and the process that
made it is killed after AWS has done it. After that an ordinary run brings the stage to where it should be,
with nothing lost and nothing there twice. What passes by itself (throttling, a fault, a lost connection) is
not noticed at all.
"""

import pytest

from . import cases, rough_road

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture
def stage(make_stage):
    """A stage that keeps two releases, so that there is something to prune."""
    return make_stage({"release.keep": 2})


def told(problems):
    """All of them, a line each."""
    return "\n".join(problems)


def test_after_any_fault_of_a_creation_or_a_removal_the_next_run_completes_it(stage, mortal):
    assert not told(cases.creation_and_removal(stage, mortal))


def test_after_any_fault_of_a_later_deployment_the_next_one_brings_the_stage_to_where_it_should_be(
    stage, mortal
):
    assert not told(cases.later_deployment(stage, mortal))


def test_after_any_fault_of_a_rollback_the_next_one_gives_the_traffic_to_the_release_that_was_named(
    stage, mortal
):
    assert not told(cases.rollback(stage, mortal))


@pytest.mark.parametrize(
    "fault",
    [rough_road.throttled, rough_road.broken, rough_road.lost, rough_road.unheard],
    ids=lambda fault: fault.__name__,
)
def test_what_passes_by_itself_is_not_noticed_whichever_calls_it_happens_to(stage, fault):
    cases.passing(stage, fault)
