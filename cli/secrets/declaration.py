"""The line of a secret in the settings file, and the place of its value.

    [secrets]
    API_KEY = "ssm:/shop/{stage}/API_KEY"

One line is enough for all stages, each of which has its own value. A line in [stages.NAME.secrets] is for
that stage alone; it is the user's, and not written here.
"""

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import STAGES, Settings, config_file, edit, options
from lambdify.cli.settings.domains.forms import STAGE
from lambdify.cli.settings.edit import Edit

TABLE = "secrets"


def parameter(settings: Settings, name: str) -> str:
    """Return the parameter with the stage's value: "/shop/dev/API_KEY"."""
    return f"{settings.secrets_path}/{name}"


def source_for_all(settings: Settings, name: str) -> str:
    """Return the source that stands for each stage's own value: "ssm:/shop/{stage}/API_KEY"."""
    return f"ssm:{settings.secrets_path.rpartition('/')[0]}/{STAGE}/{name}"


def check(settings: Settings, name: str) -> None:
    """Raise SettingsError if the name cannot be a variable's, or if the settings have it otherwise."""
    wanted = {TABLE: {name: source_for_all(settings, name)}}
    options.read(wanted, shape=Settings, known={TABLE: {}}, locate=lambda _: "The command line")
    source = settings.secrets.get(name, "")
    if source not in {"", f"ssm:{parameter(settings, name)}"}:
        raise SettingsError(
            f"{locate(settings, name)}: the value of {name} is at {source}, which is not the place of "
            f"{settings.full_name} alone, so it is not written from here.",
            hint="Store it there with the tool that made it, or delete the line and call this again.",
        )
    # A line in an environment file is no obstacle: the secret wins over it.
    if line := locate(settings, name, "environment"):
        raise SettingsError(
            f"{line}: [environment] sets {name} too, where whoever may read the configuration sees it.",
            hint="Delete that line, and call this again.",
        )


def declare(settings: Settings, name: str) -> Edit | None:
    """Write the secret's line for all stages and return it; None if there is one. Raises SettingsError."""
    if name in settings.secrets:
        return None
    return edit.add(settings.root, (TABLE, name), source_for_all(settings, name))


def withdraw(settings: Settings, name: str) -> tuple[Edit | None, str]:
    """Remove the secret's line unless other stages may need it. Raises SettingsError.

    Return the line, None if none was removed; and the place of the line that stays, "" if none does.
    """
    file = config_file.find(settings.root)
    stages = file.values.get(STAGES, {}) if file else {}
    line = edit.remove(settings.root, (STAGES, settings.stage, TABLE, name))
    for_all = file is not None and name in file.values.get(TABLE, {})
    if for_all and stages.keys() <= {settings.stage}:
        line = edit.remove(settings.root, (TABLE, name)) or line
        for_all = False
    return line, locate(settings, name) if for_all else ""


def locate(settings: Settings, name: str, table: str = TABLE) -> str:
    """Return the place of the line that sets a name in [secrets], or in another table; "" if none does."""
    file = config_file.find(settings.root)
    if file is None:
        return ""
    if name in file.values.get(STAGES, {}).get(settings.stage, {}).get(table, {}):
        return file.locate((STAGES, settings.stage, table, name))
    return file.locate((table, name)) if name in file.values.get(table, {}) else ""
