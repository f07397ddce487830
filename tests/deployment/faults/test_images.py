"""Calls that only a stage of images makes: to ECR, to its registry, and for the note that there are images.

The engine builds and pushes for real, by way of the road: ministack is the registry too.
"""

import pytest

from . import cases, rough_road

pytestmark = [pytest.mark.cloud, pytest.mark.docker, pytest.mark.slow]


PUSHED = "registry:PUT manifests #1"
OLD_IMAGES = {"ecr:DescribeImages #2", "ecr:BatchDeleteImage #1"}


@pytest.fixture
def stage(make_stage, tiny, engine, road):
    """A stage of images."""
    stage = make_stage({"release.keep": 2, "build.form": "image", "build.base": tiny})
    yield stage
    engine.remove_images(f"{road.url.removeprefix('http://')}/lambdify/shop-dev")


def of_images(place):
    """Whether only stages of images make the call."""
    return place.operation.startswith("ecr:") or " image " in place.operation or str(place) == PUSHED


def of_later_images(place):
    """Whether only the later deployments of such a stage do. Layers are sent at once: one stands for all."""
    return str(place) in OLD_IMAGES | {"registry:POST blobs #1"}


def told(problems):
    """All of them, a line each."""
    return "\n".join(problems)


def test_after_any_fault_of_a_creation_or_a_removal_the_next_run_completes_it(stage, mortal):
    assert not told(cases.creation_and_removal(stage, mortal, of_images))


def test_after_any_fault_of_a_later_deployment_the_next_one_brings_the_stage_to_where_it_should_be(
    stage, mortal
):
    assert not told(cases.later_deployment(stage, mortal, of_later_images))


def test_an_answer_that_is_lost_is_not_noticed_whichever_call_it_is_of(stage):
    cases.passing(stage, rough_road.unheard)
