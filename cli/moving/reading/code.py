"""The project's code, as far as another tool's settings name it. It is read, never imported."""

import re
from functools import cached_property
from pathlib import Path

from lambdify.cli.detection import candidate
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.detection.module import FunctionNode
from lambdify.cli.detection.project import Project

REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Code:
    """The apps and the functions of a project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = Project(root)

    @cached_property
    def apps(self) -> list[Candidate]:
        """The apps that can be deployed, the likeliest first."""
        return [each for each in candidate.find(self.project) if each.score > 0]

    @property
    def found(self) -> str:
        """What detection finds, as the end of a sentence."""
        return f"{self.apps[0].app} was found" if self.apps else "no app was found, write app yourself"

    def near(self) -> str:
        """Return the folder that the likeliest app is imported from: "", or "src"."""
        return self.apps[0].path if self.apps else ""

    def has(self, reference: str) -> bool:
        """Whether the project has "module:name", or depends on a package that may."""
        module_name, _, name = reference.partition(":")
        module = self.project.find(module_name, near=self.near())
        if module is None:
            top = module_name.partition(".")[0]
            return not self.project.holds(top, near=self.near()) and self.project.depends_on(top)
        return name.partition(".")[0] in module.names() or bool(module.star_imports)

    def function(self, reference: str) -> FunctionNode | None:
        """Return the function that "module:name" names; None if it is none of the project's."""
        module_name, _, name = reference.partition(":")
        module = self.project.find(module_name, near=self.near())
        return module.functions.get(name) if module else None

    def takes_event_and_context(self, reference: str) -> bool:
        """Whether a function can be called with an event and a context; True if that is not known."""
        function = self.function(reference)
        if function is None or function.args.vararg:
            return True
        given = [*function.args.posonlyargs, *function.args.args]
        return len(given) >= 2 >= len(given) - len(function.args.defaults)


def reference(dotted: str) -> str:
    """Return "shop.jobs:nightly" for "shop.jobs.nightly" and "shop/jobs.nightly"; "" if it is none."""
    module, _, name = dotted.strip().removeprefix("./").replace("/", ".").rpartition(".")
    found = f"{module}:{name}"
    return found if REFERENCE.fullmatch(found) and name != "py" else ""
