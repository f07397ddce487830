"""Everything that can go wrong for a user: one class per cause, each with an exit code of its own.

Scripts tell the causes apart by the exit code, people by the three lines that `main` prints:

    error: what happened, and to what
    during: the step that was under way
    hint: what to do next

Only `main` catches these. Codes are stable: never reuse one.

LambdifyError
├── UsageError            2   a command was called the wrong way (click's own code too)
├── SettingsError        10   lambdify.toml or [tool.lambdify] holds something we do not understand
├── AppNotFound          11   no WSGI or ASGI app in the project
├── AppAmbiguous         12   more than one, and nobody to ask
├── AppBroken            13   the app does not import where it has to run
├── NameCollision        14   a lambdify.py of the project or a dependency hides this package
├── AppCannotStart       15   the app does not start on this machine, and would not on Lambda
├── StaticFilesUnknown   16   the app could not be asked for its static files
├── PythonRefused        17   the project asks for a Python that Lambda lacks, or for two at once
├── AuditUnanswered      18   it could not be found out which advisories are known of what is packed
├── HookFailed           19   a command of [hooks], or its function for the template: nothing was changed
├── RequirementsError    20   the dependencies do not resolve, or their file cannot be read
├── BuildError           21   a wheel could not be built
├── DockerUnavailable    22   something needs a container engine, and none answers, or none that will do
├── BundleRefused        23   what was packed would not work on Lambda (wrong CPU, too big, missing file)
├── PythonNotFound       24   no interpreter of the function's version on this machine
├── CacheInUse           25   another run uses the cache that was to be cleared
├── DiskFull             26   there is no room left where something has to be written
├── FileRefused          27   the system does not let us read or write a file
├── ImportUnmet          28   the app imports what nothing that is packed has
├── AdvisoryFound        29   advisories are known of what is packed, as severe as the limit or more
├── CredentialsError     30   no AWS credentials, or expired ones
├── RegionError          31   no region, or one where this cannot be deployed
├── AccessDenied         32   the credentials may not do what has to be done
├── AwsError             33   AWS refused for another reason
├── SecretMissing        34   a secret of the settings has no value
├── StackBusy            40   another deployment of this stage is under way
├── StackBroken          41   the stack is in a state that needs a decision
├── StackForeign         42   a stack of that name exists and is not ours
├── DeployFailed         43   CloudFormation could not apply the change, and rolled it back
├── NotDeployed          44   there is nothing deployed under that stage
├── FunctionFailed       45   the function was invoked and raised, or gave no response
├── ReleaseFailed        46   a new version did not do what it has to, and gets no traffic
├── ReleaseMissing       47   there is no such release to go back to
├── RequestFailed        48   the app answered with an error status, and `invoke --fail` was asked for
├── StageProtected       49   the stage is protected, and this would delete or replace what it holds
├── PortTaken            50   something else listens on the port that was asked for
├── LocalCloudDown       51   the local cloud is not running
├── LocalCloudFailed     52   the local cloud could not be started, or died
├── StageTaken           53   another project was deployed to this stage
├── FunctionForeign      54   a function of that name exists and is not ours
├── AfterHookFailed      55   a command of [hooks] failed after what was done, which stands
├── PreviewsLeft         57   previews were to be removed, and some are still there
├── NameTaken            58   a name of [domain] has a record already, which leads elsewhere
├── CertificateRefused   59   there is no certificate for the names of [domain], and there will be none
├── CertificatePending   60   the certificate was waited for, and is not issued yet
├── CommandNotRun       125   lambdify could not run a command, or does not know how it ended
├── Declined              3   the user said no at a prompt
└── Interrupted         130   Ctrl-C
"""


class LambdifyError(Exception):
    """Something that the user can act on. Subclasses name the cause and fix the exit code."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", during: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.during = during


class UsageError(LambdifyError):
    """A command was called the wrong way."""

    exit_code = 2


class Declined(LambdifyError):
    """The user said no at a prompt."""

    exit_code = 3


class SettingsError(LambdifyError):
    """lambdify.toml or [tool.lambdify] holds something we do not understand."""

    exit_code = 10


class AppNotFound(LambdifyError):
    """There is no WSGI or ASGI app in the project."""

    exit_code = 11


class AppAmbiguous(LambdifyError):
    """There is more than one app, and nobody to ask which."""

    exit_code = 12


class AppBroken(LambdifyError):
    """The app does not import where it has to run."""

    exit_code = 13


class NameCollision(LambdifyError):
    """A lambdify.py, of the project or of a dependency, would hide this package in the function."""

    exit_code = 14


class AppCannotStart(LambdifyError):
    """The app does not start on this machine, and would not on Lambda: nothing was created."""

    exit_code = 15
    variables: tuple[str, ...] = ()
    """The environment variables that are missing, if these are the cause."""


class StaticFilesUnknown(LambdifyError):
    """The app could not be asked for its static files, or they have no place in the bundle."""

    exit_code = 16


class PythonRefused(LambdifyError):
    """What is said about the function's Python contradicts itself, or Lambda does not have it."""

    exit_code = 17


class AuditUnanswered(LambdifyError):
    """It could not be found out which advisories are known of what is packed: that is no "none"."""

    exit_code = 18


class HookFailed(LambdifyError):
    """A command of [hooks] failed before anything was changed, or its function for the template did."""

    exit_code = 19


class RequirementsError(LambdifyError):
    """The dependencies do not resolve, or their file cannot be read."""

    exit_code = 20


class BuildError(LambdifyError):
    """A wheel could not be built."""

    exit_code = 21


class DockerUnavailable(LambdifyError):
    """Something needs a container engine, and none answers, or none that will do."""

    exit_code = 22


class BundleRefused(LambdifyError):
    """What was packed would not work on Lambda."""

    exit_code = 23


class PythonNotFound(LambdifyError):
    """This machine has no interpreter of the function's version."""

    exit_code = 24


class CacheInUse(LambdifyError):
    """Another run of lambdify uses the cache that was to be cleared."""

    exit_code = 25


class DiskFull(LambdifyError):
    """There is no room left where something has to be written."""

    exit_code = 26


class FileRefused(LambdifyError):
    """The system does not let us read or write a file."""

    exit_code = 27


class ImportUnmet(LambdifyError):
    """The app imports a module that nothing which is packed has: it could not start."""

    exit_code = 28


class AdvisoryFound(LambdifyError):
    """Advisories are known of what is packed, as severe as the limit of [build] audit or more."""

    exit_code = 29


class CredentialsError(LambdifyError):
    """There are no AWS credentials, or they have expired."""

    exit_code = 30


class RegionError(LambdifyError):
    """No region is set, or the one that is cannot be used."""

    exit_code = 31


class AccessDenied(LambdifyError):
    """The credentials may not do what has to be done."""

    exit_code = 32


class AwsError(LambdifyError):
    """AWS refused a call for a reason that has no class of its own."""

    exit_code = 33


class SecretMissing(LambdifyError):
    """A secret has no value where the settings say that it is."""

    exit_code = 34


class StackBusy(LambdifyError):
    """Another deployment of this stage is under way."""

    exit_code = 40


class StackBroken(LambdifyError):
    """The stack is in a state that needs a decision."""

    exit_code = 41


class StackForeign(LambdifyError):
    """A stack of that name exists and was not made by this project."""

    exit_code = 42


class DeployFailed(LambdifyError):
    """CloudFormation could not apply the change, and rolled it back."""

    exit_code = 43


class NotDeployed(LambdifyError):
    """Nothing is deployed under that stage."""

    exit_code = 44


class FunctionFailed(LambdifyError):
    """The function was invoked and raised."""

    exit_code = 45


class ReleaseFailed(LambdifyError):
    """A new version did not do what it has to before it gets traffic, or failed with a part of it."""

    exit_code = 46


class ReleaseMissing(LambdifyError):
    """There is no such release, or its version was removed."""

    exit_code = 47


class RequestFailed(LambdifyError):
    """The app answered a request with an error status."""

    exit_code = 48


class StageProtected(LambdifyError):
    """The stage is protected, and this would delete or replace what it holds."""

    exit_code = 49


class PortTaken(LambdifyError):
    """Something else listens on the port that was asked for."""

    exit_code = 50


class LocalCloudDown(LambdifyError):
    """The local cloud is not running."""

    exit_code = 51


class LocalCloudFailed(LambdifyError):
    """The local cloud could not be started, or died."""

    exit_code = 52


class StageTaken(LambdifyError):
    """Another project was deployed to the stage last, and the user has not agreed to take it over."""

    exit_code = 53


class FunctionForeign(LambdifyError):
    """A function of the stage's name exists, and no stack of ours holds it."""

    exit_code = 54


class PreviewsLeft(LambdifyError):
    """Previews were to be removed, and some are still there."""

    exit_code = 57


class AfterHookFailed(LambdifyError):
    """A command of [hooks] failed after a deployment or a removal, which stands."""

    exit_code = 55


class NameTaken(LambdifyError):
    """A name of [domain] has a record already, which leads elsewhere."""

    exit_code = 58


class CertificateRefused(LambdifyError):
    """The certificate for the names of [domain] is not one for them, or is not issued and will not be."""

    exit_code = 59


class CertificatePending(LambdifyError):
    """The certificate was waited for, and is not issued yet: somebody has to write its records."""

    exit_code = 60


class CommandNotRun(LambdifyError):
    """A command of `manage`, `flask`, `run` or `shell` was not run, or it is not known how it ended.

    All other exit codes of theirs are the command's own, as those of env(1) and of containers are.
    """

    exit_code = 125


class Interrupted(LambdifyError):
    """The user pressed Ctrl-C."""

    exit_code = 130
