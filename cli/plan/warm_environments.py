"""How many environments are kept warm, by what the account has room for.

    [warm] concurrency "auto"    as many as a page asks for, a quarter of what the account may run at most
    a number                     is taken as it is written; a caution, if the account runs fewer

An account's limit is for all its functions together, and new accounts often have one of 10. While the
function is kept warm, each environment is busy for some 200 ms.
"""

from dataclasses import replace

from lambdify.cli.aws import attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.stage import Stage

DENIED = "^AccessDenied|not authorized"
PART = 4
"""The part of the account's limit that is taken unasked: a quarter."""


@translated(during="asking how many environments the account may run at once")
def settle(stage: Stage, console: Console) -> Stage:
    """Return the stage with as many environments as its account has room for, and say why there are fewer.

    Lambda is asked where several are to be kept warm; who may not ask keeps one, unless the settings say how
    many.
    """
    warm = stage.settings.warm
    if not warm.every or warm.concurrency <= 1:
        return stage
    # https://docs.aws.amazon.com/lambda/latest/api/API_AccountLimit.html
    answer = attempt(stage.client("lambda").get_account_settings, none_if=DENIED)
    if answer is None:
        if warm.chosen:
            console.warn(
                "One environment is kept warm: nobody may ask here how many the account may run at once "
                "(lambda:GetAccountSettings, which `lambdify policy` has). "
                f"concurrency = {warm.concurrency} in lambdify.toml under [warm] needs no answer."
            )
        return _keep(1, stage) if warm.chosen else stage
    limit = answer["AccountLimit"]["ConcurrentExecutions"]
    left = answer["AccountLimit"].get("UnreservedConcurrentExecutions", limit)
    if not warm.chosen:
        room = limit if stage.settings.function.reserved_concurrency else left
        if warm.concurrency > room:
            console.warn(
                f"[warm] concurrency = {warm.concurrency}: the account may run {room} at once in "
                f"{stage.region}. AWS refuses the other calls, and requests that come beside them."
            )
        return stage
    number = max(1, min(warm.concurrency, limit // PART, left))
    if number < warm.concurrency:
        console.note(
            f"Environments that are kept warm: {number}, since the account may run {limit} at once in "
            f"{stage.region}. A page and what it asks for takes {warm.concurrency}; "
            "concurrency = N in lambdify.toml under [warm] is taken as it is written."
        )
    return _keep(number, stage)


def _keep(number: int, stage: Stage) -> Stage:
    warm = replace(stage.settings.warm, concurrency=number)
    return replace(stage, settings=replace(stage.settings, warm=warm))
