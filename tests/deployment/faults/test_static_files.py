"""A stage with files that a CDN serves, and a call of S3 that is refused, or the last one of a command.

Whatever happens, the next run shows the files of the release that has the traffic, and a removal leaves none.
"""

from itertools import cycle

import pytest
from fixtures.static_files import shown

from . import cases

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

CDN = {"http.cdn": True, "http.endpoint": "function-url", "release.keep": 2}


@pytest.fixture
def stage(make_stage, add_files):
    """A stage whose style sheet says which app is deployed."""
    made = make_stage(CDN)
    make_bundle = made.make_bundle

    def with_files(code):
        number = code.removeprefix("app = ").encode()
        files = {"static/style.css": number, f"static/{int(number):04x}abcd.js": number}
        return add_files(make_bundle(code), files)

    made.make_bundle = with_files
    return made


def of_s3(place):
    """Calls of S3 that change something."""
    return cases.writes(place) and place.operation.startswith("s3:")


def struck(command, place, stage, mortal, dies):
    if dies:
        yield from cases.killed(command, place, stage, mortal)
    else:
        yield from cases.refused(command, place, *cases.strike(place), stage)


def wrong(case, stage):
    """What visitors see that is not the live release's."""
    seen = shown(stage.direct)
    number = b"%d" % stage.app
    if seen.get("static/style.css") != number:
        yield f"{case}: the style sheet is {seen.get('static/style.css')} instead of {number}"
    if f"static/{stage.app:04x}abcd.js" not in seen:
        yield f"{case}: the script is not there"


def deployments(stage, mortal):
    stage.clear()
    first = list(filter(of_s3, stage.places("deploy")))
    for place, dies in zip(first[::2], cycle([True, False])):
        stage.clear()
        case = f"first deployment, {place}, {'killed' if dies else 'refused'}"
        yield from struck("deploy", place, stage, mortal, dies)
        stage.ship()
        yield from wrong(case, stage)
    stage.app += 1
    for place, dies in zip(filter(of_s3, stage.places("deploy")), cycle([True, False])):
        stage.app += 1
        case = f"later deployment, {place}, {'killed' if dies else 'refused'}"
        yield from struck("deploy", place, stage, mortal, dies)
        stage.ship()
        yield from wrong(case, stage)


def test_after_any_fault_of_a_deployment_the_next_one_shows_its_files(stage, mortal):
    assert "\n".join(deployments(stage, mortal)) == ""


def rollbacks(stage, mortal):
    cases.begin(stage)
    stage.change()
    newest, stage.target = stage.app, 2
    for place, dies in zip(filter(of_s3, stage.places("rollback")), cycle([True, False])):
        stage.app = newest
        stage.ship()
        case = f"rollback, {place}, {'killed' if dies else 'refused'}"
        yield from struck("rollback", place, stage, mortal, dies)
        stage.app = newest
        stage.ship()
        yield from wrong(f"{case}, then deployed", stage)
        stage.back()
        stage.app = newest - 1
        yield from wrong(f"{case}, then rolled back", stage)


def test_after_any_fault_of_a_rollback_both_ways_are_open(stage, mortal):
    assert "\n".join(rollbacks(stage, mortal)) == ""


def removals(stage, mortal):
    stage.ship()
    for place, dies in zip(filter(of_s3, stage.places("undeploy")), cycle([True, False])):
        stage.ship()
        yield from struck("undeploy", place, stage, mortal, dies)
        stage.clear()
        yield from cases.afterwards(f"undeploy, {place}", stage, {})


def test_after_any_fault_of_a_removal_the_next_one_leaves_nothing(stage, mortal):
    assert "\n".join(removals(stage, mortal)) == ""
