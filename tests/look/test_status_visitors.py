"""What visitors met, as a line of a stage's status."""

from look.test_status import STATUS

from lambdify.cli.look import status_view


def test_what_visitors_met_stands_below_the_cold_starts():
    shown = [line.text for line in status_view.show(STATUS, visitors="5, at most 3 at once")]
    assert shown[shown.index("visitors     5, at most 3 at once") - 1].startswith("cold starts  5 in 24 h")


def test_what_is_not_known_of_them_is_no_line():
    assert not any(line.text.startswith("visitors") for line in status_view.show(STATUS))
