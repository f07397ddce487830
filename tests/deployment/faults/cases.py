"""What is done to each call of a command, and what has to be so after it.

Each function yields a sentence for whatever is not as it should be. `at` chooses the places where something
is to happen, of all that the command comes by.
"""

import re
from itertools import cycle

from lambdify.cli.errors import AccessDenied, AwsError, BuildError, CredentialsError, LambdifyError

from . import rough_road


def anywhere(place):
    """Every call."""
    return True


REFUSALS = {
    rough_road.expired: (CredentialsError, "Log in"),
    rough_road.denied: (AccessDenied, "The credentials need the permission for "),
    rough_road.throttled: (AwsError, "try again in a minute"),
    rough_road.broken: (AwsError, "try again in a minute"),
    rough_road.lost: (AwsError, "Check the network"),
}
"""Our error for each, and what its hint says to do."""
PUSHED = (BuildError, "The credentials need the permission to push images")
"""A registry has its own words, which the engine hands on."""
LASTING = cycle([rough_road.expired, rough_road.throttled, rough_road.broken, rough_road.lost])
"""No code of ours knows these apart by the place where they happen: each ends a run with a call that was not
made. One is enough for each place, and the next place has the next. What is denied may be passed over at one
place and not at another, so that every place meets it."""
ANY = cycle([rough_road.expired, rough_road.denied, rough_road.throttled, rough_road.broken, rough_road.lost])

INVOKE = "lambda:POST /2015-03-31/functions/NAME/invocations"
REGISTRY = {
    f"registry:{each}"
    for each in ("GET ", *(f"{verb} blobs" for verb in ("HEAD", "POST", "PATCH", "PUT")), "PUT manifests")
}
"""The engine's own calls; it sees to their repetition."""
PASSED_OVER = {
    (INVOKE, "throttled"): "It has not run then, and is called again: that is another call.",
    ("s3:HEAD bucket", "denied"): "Whoever may not look at the bucket may still have it: making it tells.",
}
"""Refusals that stop nothing."""


def refused(command, place, fault, stage, *, onward=False):
    """Run the command, and have the call at that place refused for good; what was not as it should be.

    With `onward` every call after it is refused too, as when credentials have expired.
    """
    error, what = PUSHED if place.operation.startswith("registry:") else REFUSALS[fault]
    case = f"{command}, {place}, {fault.__name__}"
    stage.road.clear()
    stage.road.perils, stage.road.onward = {place: fault}, onward
    stage.failure = None
    try:
        stage.commands[command]()
        if (place.operation, fault.__name__) not in PASSED_OVER:
            met = place in stage.road.passed
            yield f"{case}: it was not noticed" if met else f"{case}: there was no such call"
    except LambdifyError as caught:
        stage.failure = caught
        if not isinstance(caught, error) or what.lower() not in caught.hint.lower() or not caught.during:
            yield f"{case}: told as {caught!r}, {caught.hint}, {caught.during}"
    finally:
        stage.road.clear()


def killed(command, place, stage, mortal):
    """Run the command, and kill it right after AWS has done that call; what was not as it should be."""
    stage.road.clear()
    ended = mortal.run(command, stage, dies_at=place)
    if ended != (-9 if place in stage.road.passed else 0):
        yield f"{command}, {place}: the process ended with {ended}"
    stage.road.clear()


def afterwards(case, stage, expected):
    """What is not there, or should not be."""
    found = stage.everything()
    if found != expected:
        yield f"{case}: afterwards there is {found} instead of {expected}"


def strikes(place):
    """The ways in which a call at that place is refused for good."""
    if place.operation.startswith("registry:"):
        # Whatever else is wrong there, the engine asks again for half a minute.
        return (rough_road.denied,)
    return (rough_road.denied, next(LASTING))


def writes(place):
    """Whether the call changes something. Whoever dies after one that only reads has died before it."""
    return not re.search(r":(Describe|Get|List)|:(GET|HEAD) ", place.operation)


def creation_and_removal(stage, mortal, at=anywhere):
    """Fault by fault of a first deployment and of a removal; the next run completes what was begun."""
    stage.clear()
    creation = list(filter(at, stage.places("deploy")))
    expected = stage.everything()
    removal = list(filter(at, stage.places("undeploy")))
    for place in creation:
        for fault in strikes(place):
            stage.clear()
            yield from refused("deploy", place, fault, stage)
        assert stage.ship().version
        yield from afterwards(f"deploy, {place}", stage, expected)
    for place in filter(writes, creation):
        stage.clear()
        yield from killed("deploy", place, stage, mortal)
        assert stage.ship().version
        yield from afterwards(f"deploy, {place}, killed", stage, expected)
    for place in removal:
        for fault in strikes(place):
            stage.ship()
            yield from refused("undeploy", place, fault, stage)
            stage.clear()
        yield from afterwards(f"undeploy, {place}", stage, {})
    for place in filter(writes, removal):
        stage.ship()
        yield from killed("undeploy", place, stage, mortal)
        stage.clear()
        yield from afterwards(f"undeploy, {place}, killed", stage, {})


def strike(place):
    """One of them, for a call that is met with all of them elsewhere."""
    return (next(ANY),)


def later_deployment(stage, mortal, at=anywhere, strikes=strikes):
    """Fault by fault of a deployment of something new; the next one brings the stage to where it should."""
    begin(stage)
    stage.app += 1
    change = list(filter(at, stage.places("deploy")))
    expected = stage.everything()
    for number, place in enumerate(change):
        if number % 3 == 0:
            stage.change()
            version = stage.ship().version
            yield from settled(f"deploy, before {place}", stage, version, expected, but=LEFT_BY_REFUSALS)
        stage.forget()
        for fault in strikes(place):
            stage.app += 1
            yield from refused("deploy", place, fault, stage)
        yield from forward(f"deploy, {place}", stage, expected)
        if writes(place):
            stage.app += 1
            yield from killed("deploy", place, stage, mortal)
            yield from forward(f"deploy, {place}, killed", stage, expected)


def rollback(stage, mortal, at=anywhere):
    """Fault by fault of a rollback; the next one gives the traffic to the release that was named."""
    begin(stage)
    stage.change()
    expected = stage.everything()
    stage.target = 2
    for place in filter(at, stage.places("rollback")):
        for fault in strikes(place):
            stage.ship()
            yield from refused("rollback", place, fault, stage)
        yield from back(f"rollback, {place}", stage, expected)
        stage.forget(but=(stage.target, stage.target + 1))
        if writes(place):
            stage.ship()
            yield from killed("rollback", place, stage, mortal)
            yield from back(f"rollback, {place}, killed", stage, expected)


def passing(stage, fault):
    """Have the first attempt of each call come to that; nothing of it is noticed."""
    stage.road.everywhere = fault
    # An invocation that may have begun is not repeated: a release command is not to run twice.
    stage.road.spared = {INVOKE, *REGISTRY}
    for version in ("1", "2", "3"):
        assert stage.change().version == version
    assert stage.back().version == "2"
    assert stage.everything()["live"] == 1
    assert stage.remove().objects
    assert stage.everything() == {}


def begin(stage):
    """Deploy as often as it takes until the next one has something to prune."""
    stage.clear()
    for _ in range(2):
        stage.change()


def forward(case, stage, expected):
    """Deploy again; what is not as it should be where the new version is to have the traffic."""
    version = stage.ship().version
    yield from settled(case, stage, version, expected)


def back(case, stage, expected):
    """Roll back again; what is not as it should be where the old version is to have the traffic."""
    assert stage.back().version == "2"
    yield from settled(case, stage, "2", expected)


LEFT_BY_REFUSALS = ("archives", "images")
UNPRUNED = ("versions", *LEFT_BY_REFUSALS)
"""What a release may leave to the next one, whose pruning ends it. Archives whose deployments never came to a
release go when they are a day old: see test_releases_by_moto."""


def settled(case, stage, version, expected, but=UNPRUNED):
    if stage.live() != [version]:
        yield f"{case}: afterwards version {stage.live()} is live instead of {version}"
    if stage.weights() != (version, {}):
        yield f"{case}: afterwards the alias gives {stage.weights()} instead of all to {version}"
    found = stage.everything()
    if any(found.get(kind) != number for kind, number in expected.items() if kind not in but):
        yield f"{case}: afterwards there is {found} instead of {expected}"
