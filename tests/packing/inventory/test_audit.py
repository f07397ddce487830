"""The audit: what is asked, what is made of the answers, and that no answer is none."""

from pathlib import Path
from typing import get_args

import pytest
from packing.inventory.osv_service import record

from lambdify.cli.errors import AdvisoryFound, AuditUnanswered
from lambdify.cli.packing.inventory import audit, severity
from lambdify.cli.packing.inventory import osv as service
from lambdify.cli.packing.inventory.osv import Asked
from lambdify.cli.packing.inventory.severity import Severity
from lambdify.cli.packing.wheels.distributions import Distribution

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


def distribution(name: str, version: str, origin: str = "https://files.example/x.whl") -> Distribution:
    return Distribution(
        name=name, version=version, files=(), key="", wheel=Path("x.whl"), sha256="0" * 64, origin=origin
    )


def run(osv, *distributions, limit="low", ignore=(), seconds=30.0):
    return audit.run(distributions, osv.url, limit=limit, ignore=ignore, seconds=seconds)


# -------------------------------------------------------------------- what is asked


def test_names_are_normalised_and_versions_without_their_local_part(osv):
    run(osv, distribution("Zope.Interface", "7.2"), distribution("torch", "2.1.0+cpu"))
    asked = [(each["package"]["name"], each["version"]) for each in osv.asked]
    assert asked == [("zope-interface", "7.2"), ("torch", "2.1.0")]
    assert osv.agents[0].startswith("lambdify/")


def test_nobody_is_told_of_what_is_built_from_a_folder_here(osv):
    found = run(osv, distribution("requests", "2.19.0", origin="folder"), distribution("flask", "3.1.0"))
    assert [each["package"]["name"] for each in osv.asked] == ["flask"]
    assert (found.asked, found.not_asked) == (1, ("requests 2.19.0",))


def test_a_wheel_that_lies_here_is_asked_about_since_most_come_from_the_index(osv):
    assert run(osv, distribution("requests", "2.19.0", origin="")).refused


def test_without_distributions_nobody_is_asked(osv):
    assert run(osv).findings == ()
    assert osv.paths == []


def test_more_versions_than_a_batch_takes_are_asked_in_several(osv):
    many = [distribution(f"package-{number}", "1.0") for number in range(2500)]
    found = run(osv, *many, distribution("requests", "2.19.0"))
    assert osv.paths.count("/v1/querybatch") == 3
    assert [each.name for each in found.findings] == ["requests"]


def test_ids_that_come_in_pages_are_all_read(osv):
    osv.page = 1
    osv.records += [record(f"GHSA-aaaa-bbbb-{number}", "requests") for number in range(4)]
    assert len(run(osv, distribution("requests", "2.19.0")).findings) == 5


# -------------------------------------------------------------------- what is made of it


def test_records_of_one_cause_are_one_finding_with_what_any_of_them_tells(osv):
    (found,) = run(osv, distribution("requests", "2.19.0")).findings
    assert (found.id, found.severity, found.fixed) == ("GHSA-x84v-xcm2-53pg", "high", "2.20.0")
    assert found.aliases == ("CVE-2018-18074", "PYSEC-2018-28")
    assert found.summary == "Insufficiently Protected Credentials in Requests"
    assert found.url == "https://osv.dev/vulnerability/GHSA-x84v-xcm2-53pg"


def test_a_version_without_it_has_no_finding(osv):
    assert run(osv, distribution("requests", "2.20.0")).findings == ()


def test_records_that_only_a_third_connects_are_one_finding(osv):
    osv.records[:] = [
        record("PYSEC-1", "requests"),
        record("GHSA-1", "requests"),
        record("CVE-1", "requests", aliases=["PYSEC-1", "GHSA-1"]),
    ]
    (found,) = run(osv, distribution("requests", "2.19.0")).findings
    assert (found.id, found.aliases) == ("GHSA-1", ("CVE-1", "PYSEC-1"))


def test_the_fixed_version_is_the_next_one_of_this_package(osv):
    other = record("x", "urllib3", fixed="1.24.9")["affected"][0]
    known = record("GHSA-1", "requests", fixed="2.31.0", aliases=[])
    branches = known["affected"][0]["ranges"][0]["events"]
    branches += [{"introduced": "2.32"}, {"fixed": "2.32.4"}, {"fixed": "2.3.0"}]
    known["affected"].append(other)
    osv.records[:] = [known]
    assert run(osv, distribution("requests", "2.19.0")).findings[0].fixed == "2.31.0"


def test_what_was_withdrawn_does_not_count(osv):
    osv.records[:] = [record("GHSA-1", "requests", withdrawn="2026-01-02T00:00:00Z")]
    assert run(osv, distribution("requests", "2.19.0")).findings == ()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"database_specific": {"severity": "MODERATE"}, "severity": [{"type": "CVSS_V3", "score": V3}]},
            "moderate",
        ),
        ({"severity": [{"type": "CVSS_V3", "score": V3}]}, "critical"),
        ({"severity": [{"type": "CVSS_V4", "score": V4}]}, "moderate"),
        ({"severity": [{"type": "CVSS_V4", "score": V4}, {"type": "CVSS_V3", "score": V3}]}, "critical"),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:N/I:N/A:P"}]}, "moderate"),
        ({"severity": [{"type": "CVSS_V3", "score": V3.replace("C:H/I:H/A:H", "C:N/I:N/A:N")}]}, "low"),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]}, "unknown"),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, "unknown"),
        ({"affected": [{"package": {}, "severity": [{"type": "CVSS_V3", "score": V3}]}]}, "critical"),
        ({"database_specific": None, "severity": None}, "unknown"),
        ({"id": "MAL-2026-1"}, "critical"),
        ({}, "unknown"),
    ],
)
def test_the_severity_of_a_record(more, expected):
    assert severity.of({"id": "PYSEC-1", **more}) == expected


def test_what_is_unknown_reaches_every_limit_since_nobody_said_that_it_is_less():
    assert get_args(Severity) == severity.ORDER
    assert all(severity.reaches("unknown", limit) for limit in severity.ORDER)
    assert severity.reaches("high", "high")
    assert not severity.reaches("moderate", "high")


# -------------------------------------------------------------------- what is too much


def test_what_reaches_the_limit_is_refused_with_the_line_to_write(osv):
    osv.records += [record("GHSA-low", "requests", database_specific={"severity": "LOW"})]
    found = run(osv, distribution("requests", "2.19.0"), limit="high")
    assert [each.id for each in found.findings] == ["GHSA-x84v-xcm2-53pg", "GHSA-low"]
    with pytest.raises(AdvisoryFound) as caught:
        audit.require(found)
    assert caught.value.message == (
        '1 advisory of what is packed, high or above ([build] audit = "high"):\n'
        "requests 2.19.0, high, GHSA-x84v-xcm2-53pg (CVE-2018-18074), fixed in 2.20.0: "
        "Insufficiently Protected Credentials in Requests"
    )
    assert caught.value.hint == (
        "Require requests>=2.20.0, and lock again. "
        '[build] audit_ignore = ["GHSA-x84v-xcm2-53pg"] accepts one that cannot harm this app.'
    )


def test_below_the_limit_there_is_a_warning_and_no_refusal(osv, console, story):
    found = run(osv, distribution("requests", "2.19.0"), limit="critical")
    audit.require(found)
    audit.show(found, console)
    assert "warning: requests 2.19.0, high, GHSA-x84v-xcm2-53pg" in story.getvalue()


@pytest.mark.parametrize("name", ["GHSA-x84v-xcm2-53pg", "CVE-2018-18074", "PYSEC-2018-28"])
def test_an_accepted_one_is_told_and_refuses_nothing_by_any_of_its_names(osv, console, story, name):
    found = run(osv, distribution("requests", "2.19.0"), ignore=[name, "GHSA-gone"])
    audit.require(found)
    audit.show(found, console)
    assert "  accepted: requests 2.19.0, high" in story.getvalue()
    assert "[build] audit_ignore: nothing that is packed has GHSA-gone any more." in story.getvalue()


def test_the_hint_names_for_each_distribution_the_version_that_has_all_fixes(osv):
    osv.records += [record("GHSA-2", "requests", fixed="2.9.9"), record("GHSA-3", "requests", fixed="2.31.0")]
    osv.records += [record("GHSA-4", "flask")]
    with pytest.raises(AdvisoryFound, match="3 advisories") as caught:
        audit.require(run(osv, distribution("requests", "2.19.0"), distribution("flask", "3.1.0")))
    assert caught.value.hint.startswith("Require requests>=2.31.0, and lock again.")
    assert "flask 3.1.0, severity unknown, GHSA-4, no version without it" in caught.value.message


# -------------------------------------------------------------------- no answer is not "none"

ONE = distribution("requests", "2.19.0")


def refusal(osv, **more):
    with pytest.raises(AuditUnanswered) as caught:
        run(osv, ONE, **more)
    assert caught.value.hint == 'Run it again. To go without for once, set audit = "" in [build].'
    return caught.value.message.removeprefix(
        f"{osv.url} did not tell which advisories are known of what is packed: "
    )


def test_a_service_that_is_not_there_is_told(osv):
    osv.url = "http://127.0.0.1:9"
    assert "refused" in refusal(osv)


def test_a_service_that_fails_is_told_with_its_status(osv):
    osv.status = 503
    assert refusal(osv) == "it answered 503 Service Unavailable."


@pytest.mark.slow
def test_a_service_that_says_nothing_has_a_limit(osv):
    osv.answers.clear()
    assert refusal(osv, seconds=0.3) == "no answer within 0.3 seconds."


@pytest.mark.slow
def test_a_service_that_sends_byte_by_byte_has_one_too(osv):
    osv.drip = True
    assert refusal(osv, seconds=0.3) == "no answer within 0.3 seconds."


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"{}",
        b"[]",
        b"null",
        b'{"results": []}',
        b'{"results": [null]}',
        b'{"results": [{"vulns": [1]}]}',
    ],
)
def test_an_answer_of_another_form_is_told(osv, answer):
    osv.answer = answer
    assert refusal(osv) == "it answered otherwise than OSV does."


def test_a_record_of_another_form_is_told(osv):
    osv.records[:] = [record("GHSA-1", "requests", severity="high", database_specific=3)]
    assert refusal(osv) == "it answered otherwise than OSV does."


def test_pages_without_an_end_are_told(osv):
    osv.answer = b'{"results": [{"vulns": [], "next_page_token": "more"}]}'
    assert refusal(osv) == "it had not said everything after 20 pages."


def test_a_login_in_the_address_is_not_shown():
    with pytest.raises(AuditUnanswered) as caught:
        service.find([Asked("requests", "2.19.0")], "http://anna:s3cret@127.0.0.1:9")
    assert "s3cret" not in caught.value.message
