"""A stage with names, and a call of ACM or Route 53 that is refused, or the last one of a command.

Whatever happens, the next run goes on with the certificate that was asked for, and a removal leaves none.
"""

from itertools import cycle

import pytest

from lambdify.cli.domains import certificates, names
from lambdify.cli.stacks import stack as stacks
from lambdify.cli.stage import Stage

from . import cases

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

NAMES = ["shop.example", "www.shop.example"]


@pytest.fixture
def stage(make_stage):
    """A stage whose names are in a zone of the account."""
    made = make_stage({"domain.names": NAMES})
    route53 = made.direct.client("route53")
    if not route53.list_hosted_zones()["HostedZones"]:
        route53.create_hosted_zone(Name="shop.example", CallerReference="shop.example")
    return made


def of_names(place):
    return place.operation.startswith(("acm:", "route53:"))


def first_of_each(places):
    """A place for each operation, and all that change something."""
    met = set()
    for place in places:
        if cases.writes(place) or place.operation not in met:
            yield place
        met.add(place.operation)


def clear(stage):
    """Nothing of the stage is there, nor the records that `undeploy` leaves, by which names are known."""
    stage.clear()
    route53 = stage.direct.client("route53")
    (zone,) = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    gone = [{"Action": "DELETE", "ResourceRecordSet": each} for each in records if each["Type"] == "CNAME"]
    if gone:
        route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": gone})


def known(stage):
    return certificates.find(Stage(settings=stage.settings, account=stage.direct))


def wrong(case, stage):
    """What is not as it should be after an ordinary run."""
    deployed = stacks.fetch(Stage(settings=stage.settings, account=stage.direct))
    if list(names.targets(deployed)) != NAMES:
        yield f"{case}: served is {names.targets(deployed)}"
    if [each.status for each in known(stage)] != ["ISSUED"]:
        yield f"{case}: there is {known(stage)}"


def struck(command, place, stage, mortal, dies):
    if dies:
        yield from cases.killed(command, place, stage, mortal)
    else:
        yield from cases.refused(command, place, *cases.strike(place), stage)


def creations(stage, mortal):
    clear(stage)
    places = list(first_of_each(filter(of_names, stage.places("deploy"))))
    asked = {each.operation for each in places}
    if not {"acm:RequestCertificate", "route53:POST /2013-04-01/hostedzone/NAME/rrset/"} <= asked:
        yield f"asked was {asked}"
    for place in places:
        for dies in [True, False] if cases.writes(place) else [False]:
            clear(stage)
            case = f"deploy, {place}, {'killed' if dies else 'refused'}"
            yield from struck("deploy", place, stage, mortal, dies)
            before = {each.arn for each in known(stage)}
            stage.ship()
            yield from wrong(case, stage)
            if before and before != {each.arn for each in known(stage)}:
                yield f"{case}: another certificate was asked for"


def test_after_any_fault_of_a_creation_the_next_one_waits_on_for_the_same_certificate(stage, mortal):
    assert "\n".join(creations(stage, mortal)) == ""


def changes(stage, mortal, make_settings):
    """A name more, and back: each time another certificate takes the place of the last."""
    less, more = stage.settings, make_settings(overrides={"domain.names": [*NAMES, "*.shop.example"]})
    stage.clear()
    stage.ship()
    stage.settings = more
    places = [each for each in stage.places("deploy") if of_names(each) and cases.writes(each)]
    for place, dies in zip(places, cycle([True, False])):
        stage.settings = less
        stage.ship()
        stage.settings = more
        case = f"another name, {place}, {'killed' if dies else 'refused'}"
        yield from struck("deploy", place, stage, mortal, dies)
        stage.ship()
        if [each.names for each in known(stage)] != [frozenset(more.domain.names)]:
            yield f"{case}: there is {known(stage)}"


def test_after_any_fault_of_another_name_the_next_one_has_it_and_no_certificate_of_before(
    stage, mortal, make_settings
):
    assert "\n".join(changes(stage, mortal, make_settings)) == ""


def removals(stage, mortal):
    stage.ship()
    places = list(first_of_each(filter(of_names, stage.places("undeploy"))))
    for place, dies in zip(places, cycle([False, True])):
        stage.ship()
        case = f"undeploy, {place}, {'killed' if dies else 'refused'}"
        yield from struck("undeploy", place, stage, mortal, dies and cases.writes(place))
        stage.clear()
        if known(stage):
            yield f"{case}: there is still {known(stage)}"
        yield from cases.afterwards(case, stage, {})


def test_after_any_fault_of_a_removal_the_next_one_leaves_no_certificate(stage, mortal):
    assert "\n".join(removals(stage, mortal)) == ""
