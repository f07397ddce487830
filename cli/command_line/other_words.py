"""The words of other tools, and our command for each: Zappa, Serverless, SAM, Chalice, the CDK, Terraform.

A word is looked for here before it is compared with our commands, so that a wish to delete never leads to
`deploy`, which `destroy` resembles more than `undeploy`.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from lambdify.cli.errors import UsageError

WORDS = {
    "lambdify": {
        "undeploy": "destroy remove delete del rm down teardown uninstall terminate",
        "deploy": "update up push publish ship apply redeploy launch sync upload release",
        "serve": "start dev develop offline runserver start-api",
        "deploy --local": "emulate simulate",
        "status": "info describe show health ps stats metrics inspect",
        "releases": "ls list history versions deployments",
        "logs": "log output print-logs",
        "logs --follow": "tail watch",
        "check": "validate lint verify audit analyse analyze",
        "diff": "plan preview changes compare dry-run",
        "rollback": "undo revert restore back",
        "invoke": "call request curl trigger",
        "manage": "django",
        "run": "exec ssh command",
        "shell": "console repl python",
        "open": "browse url visit endpoint",
        "env": "vars variables environment",
        "secrets set NAME": "secret",
        "new NAME": "create startproject scaffold",
        "init": "configure config setup settings generate",
        "package": "build bundle pack zip",
        "template": "synth synthesize cloudformation export",
        "policy": "iam permissions rights role",
        "local stop": "stop halt kill shutdown",
        "cache clear": "clean clear purge prune",
        "--help": "help commands",
        "--version": "version",
    },
    "lambdify local": {
        "deploy --local": "start up run serve deploy",
        "local stop": "down end kill halt destroy remove delete",
        "local status": "ls list ps info show",
    },
    "lambdify secrets": {
        "secrets set NAME": "add create put new update store",
        "secrets list": "ls show get info status",
        "secrets unset NAME": "remove rm delete del destroy",
    },
    "lambdify cache": {
        "cache clear": "clean purge prune rm remove delete empty",
        "cache show": "ls list info status dir size",
    },
}
"""By group: our command, and the words that mean it elsewhere."""
SIMILAR = 0.7
"""How much alike a word and a command have to be: "deplay" and "deploy" are, "check" and "cache" are not."""


def refuse(word: str, group: str, commands: Iterable[str]) -> UsageError:
    """Return the error for a word that is no command of the group ("lambdify local"), with the one meant."""
    meant = {other: command for command, others in WORDS.get(group, {}).items() for other in others.split()}
    lines = meant | {name: f"{group} {name}".removeprefix("lambdify ") for name in commands}
    begun = [name for name in lines if len(word) > 1 and name.startswith(word)]
    near = [word] if word in lines else begun or get_close_matches(word, lines, n=1, cutoff=SIMILAR)
    hint = f"`lambdify {lines[near[0]]}` is what does that. " if near else ""
    if near and near[0] not in meant:
        hint = f"Did you mean {near[0]}? "
    return UsageError(f"No such command '{word}'.", hint=f"{hint}`{group} --help` shows what there is.")
