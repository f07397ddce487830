"""Several people who deploy at the same time."""

from concurrent.futures import ThreadPoolExecutor

from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.errors import StackBusy

SERVICES = ("cloudformation", "s3", "lambda", "cloudwatch", "logs", "apigatewayv2", "scheduler", "iam")


def test_of_several_first_deployments_one_wins_and_the_others_hear_that_the_stack_is_busy(
    account, make_settings, make_bundle, talk_to, inventory
):
    for service in SERVICES:  # boto3 does not make two clients at once
        account.client(service)

    def ship(number):
        try:
            stage = stage_in(account, make_settings())
            return deploy(stage, lambda: make_bundle(f"app = {number}"), talk_to("").console, yes=True)
        except StackBusy as error:
            return error

    with ThreadPoolExecutor(4) as people:
        ended = list(people.map(ship, range(4)))
    busy = [each for each in ended if isinstance(each, StackBusy)]
    assert len(busy) < 4, "one of them at least has come first"
    assert inventory(account)["functions"] == ["shop-dev"]
    assert inventory(account)["stacks"] == ["shop-dev"]
    assert {each.exit_code for each in busy} <= {40}
