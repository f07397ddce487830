"""Deployed functions: a version as ministack describes it, and its code, unpacked.

An alias may lead to two versions. For each event one of them is drawn by the weights, as on Lambda. A
description is fetched again after one second, so that events soon reach a new deployment. Each content is
unpacked once, into folders that never change, and that are removed with the last version that has the
content.
"""

import base64
import hashlib
import random
import re
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import LocalCloudFailed
from lambdify.cli.packing import unpacked

MAX_AGE = 1.0
"""Seconds for which a fetched description is used."""
PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_URL"
"""The variable that makes ministack pass invocations to us. The function never sees it, as AWS has none."""
_ARN = re.compile(r"arn:[^:]+:lambda:(?P<region>[^:]+):\d+:function:(?P<name>[^:]+)(?::(?P<qualifier>.+))?")
_VERSION = re.compile(r"\$LATEST|[0-9]+")
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class Function:
    """One version of a deployed function."""

    region: str
    name: str
    version: str
    arn: str
    """Without a version or alias."""
    handler: str
    """"" for an image, whose command names it."""
    python: str
    """Minor version: "3.13"; "" for an image."""
    timeout: int
    memory: int
    environment: tuple[tuple[str, str], ...]
    """Variables as pairs, so that a Function is hashable."""
    log_group: str
    log_format: str
    log_level: str
    code: str
    """SHA-256 of its zip, as Lambda writes it (base64)."""
    layers: tuple[str, ...]
    """ARNs of layer versions, the lowest first."""
    image: str = ""
    """URI of its container image; "" for a function of zips."""
    command: tuple[str, ...] = ()
    """The arguments of the image's entry point; () for those of the image."""
    reserved: int | None = field(default=None, compare=False)
    """Reserved concurrency: simultaneous events of all versions; None for no limit.

    It belongs to the function, not to the version, so it does not count when Functions are compared.
    """


@dataclass(frozen=True, kw_only=True)
class Code:
    """Unpacked code."""

    task_root: Path
    layers: Path


class FolderLeases:
    """The folders that running processes use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[Path] = Counter()

    def acquire(self, *folders: Path) -> None:
        """Keep these folders for one more process."""
        with self._lock:
            self._taken.update(folders)

    def release(self, *folders: Path) -> None:
        """Give up these folders for one process."""
        with self._lock:
            self._taken.subtract(folders)

    def held(self) -> set[Path]:
        """Return all folders in use."""
        with self._lock:
            return {folder for folder, count in self._taken.items() if count > 0}


class Functions:
    """Descriptions and code of the functions in the accounts that `connect(region)` returns."""

    def __init__(
        self,
        connect: Callable[[str], Account],
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`draw` returns random numbers from 0 to 1, which decide between two versions of an alias."""
        self._connect, self._folder, self._clock, self._draw = connect, folder, clock, draw
        self._known: dict[str, tuple[float, Function]] = {}
        self._alias_targets: dict[str, tuple[float, tuple[tuple[str, float], ...]]] = {}
        """The versions of each alias: the time of the fetch, and ARNs with their part of the traffic."""
        self._unpacked: dict[tuple[str, tuple[str, ...]], Code] = {}
        """By the digest of the code and the ARNs of the layers."""
        self._unpacked_functions: set[tuple[str, str]] = set()
        """Region and name of each function with unpacked code."""
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self.leases = FolderLeases()

    def find(self, arn: str) -> Function | None:
        """Return the function of an ARN with a version or alias; None if there is none."""
        version = self._choose(arn)
        found = self._find_version(version) if version else None
        if found or version in (None, arn):
            return found
        # The version was removed since the alias was looked at, so that it leads to another one by now.
        self._alias_targets.pop(arn, None)
        version = self._choose(arn)
        return self._find_version(version) if version else None

    def _find_version(self, arn: str) -> Function | None:
        known = self._known.get(arn)
        if known is None:
            return self._refresh(arn)
        # One thread fetches it again; the others use the old description meanwhile.
        if self._clock() - known[0] < MAX_AGE or not self._refreshing.acquire(blocking=False):
            return known[1]
        try:
            return self._refresh(arn)
        finally:
            self._refreshing.release()

    def _refresh(self, arn: str) -> Function | None:
        function = self._fetch(arn)
        if function:
            self._known[arn] = (self._clock(), function)
        else:
            self._known.pop(arn, None)
        return function

    def forget(self) -> None:
        """Forget all descriptions, since something was deployed."""
        self._known.clear()
        self._alias_targets.clear()

    def unpack(self, function: Function) -> Code:
        """Return the folders with the function's code and layers, unpacked if the content is new.

        Raises LocalCloudFailed.
        """
        lambda_ = self._connect(function.region).client("lambda")
        with self._lock:
            self._unpacked_functions.add((function.region, function.name))
            task_root = self._folder / f"code-{_hex(function.code)[:32]}"
            if not task_root.exists():
                found = lambda_.get_function(FunctionName=function.arn, Qualifier=function.version)
                unpacked.write_tree(task_root, [_download(found["Code"]["Location"], function.code)])
            key = (function.code, function.layers)
            found = [self._find_layer(arn, lambda_) for arn in function.layers]
            if None in found:
                # A version keeps a layer that was deleted after its deployment, as on Lambda.
                if key in self._unpacked:
                    return self._unpacked[key]
                raise LocalCloudFailed(
                    f"A layer of {function.name} is no longer there.", hint="Deploy again."
                )
            digest = hashlib.sha256("".join(content["CodeSha256"] for content in found).encode())
            layers = self._folder / f"layers-{digest.hexdigest()[:32]}"
            if not layers.exists():
                unpacked.write_tree(
                    layers, [_download(each["Location"], each["CodeSha256"]) for each in found]
                )
            code = self._unpacked[key] = Code(task_root=task_root, layers=layers)
        return code

    @translated(during="looking for versions that were removed")
    def collect(self) -> None:
        """Remove code and layers that no version has and no process uses."""
        with self._lock:
            trees = {*self._folder.glob("code-*"), *self._folder.glob("layers-*")}
            if not trees:
                return
            wanted = {function: self._list(*function) for function in self._unpacked_functions}
            self._unpacked_functions = {function for function, contents in wanted.items() if contents}
            there = {content for contents in wanted.values() for content in contents}
            self._unpacked = {key: code for key, code in self._unpacked.items() if key in there}
            kept = {folder for code in self._unpacked.values() for folder in (code.task_root, code.layers)}
            for tree in trees - kept - self.leases.held():
                unpacked.remove_tree(tree)

    def _list(self, region: str, name: str) -> set[tuple[str, tuple[str, ...]]]:
        """Return the digests of code and the layers of a function's versions; nothing if it is gone."""
        lambda_ = self._connect(region).client("lambda")
        found: set[tuple[str, tuple[str, ...]]] = set()
        marker: dict[str, str] = {}
        while answer := attempt(
            lambda_.list_versions_by_function,
            none_if=r"^ResourceNotFoundException",
            FunctionName=name,
            **marker,
        ):
            found |= {(each["CodeSha256"], _read_layers(each)) for each in answer["Versions"]}
            if not answer.get("NextMarker"):
                break
            marker = {"Marker": answer["NextMarker"]}
        return found

    def _choose(self, arn: str) -> str | None:
        """Return the ARN of a version that the ARN leads to, drawn by weight; None if there is none."""
        asked, shares = self._alias_targets.get(arn, (0.0, ()))
        if not shares or self._clock() - asked >= MAX_AGE:
            # The old value counts as new during the fetch, so that other threads do not fetch as well.
            if shares:
                self._alias_targets[arn] = (self._clock(), shares)
            shares = self._find_targets(arn)
            self._alias_targets[arn] = (self._clock(), shares)
        left = self._draw()
        for version, share in shares:
            left -= share
            if left < 0:
                return version
        return shares[-1][0] if shares else None

    def _find_targets(self, arn: str) -> tuple[tuple[str, float], ...]:
        """Return an alias's versions with their part of the traffic; a version's ARN leads to itself."""
        match = _ARN.fullmatch(arn)
        if not match or not match["qualifier"] or _VERSION.fullmatch(match["qualifier"]):
            return ((arn, 1.0),)
        alias = attempt(
            self._connect(match["region"]).client("lambda").get_alias,
            none_if=r"^ResourceNotFoundException",
            FunctionName=match["name"],
            Name=match["qualifier"],
        )
        if alias is None:
            return ()
        shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        function = arn.rpartition(":")[0]
        others = [(f"{function}:{version}", share) for version, share in shares.items()]
        return ((f"{function}:{alias['FunctionVersion']}", 1.0 - sum(shares.values())), *others)

    def _find_layer(self, arn: str, lambda_: Any) -> Any:
        """Return URL and digest of a layer's content; None if the layer was deleted."""
        found = attempt(lambda_.get_layer_version_by_arn, none_if=r"^ResourceNotFoundException", Arn=arn)
        return found["Content"] if found else None

    def _fetch(self, arn: str) -> Function | None:
        match = _ARN.fullmatch(arn)
        if not match:
            return None
        lambda_ = self._connect(match["region"]).client("lambda")
        version = {"FunctionName": match["name"], "Qualifier": match["qualifier"] or "$LATEST"}
        found = attempt(
            lambda_.get_function_configuration,
            none_if=r"^ResourceNotFoundException",
            **version,
        )
        if found and found.get("PackageType") == "Image":
            # GetFunctionConfiguration does not name the image.
            found = {**found, "Code": lambda_.get_function(**version)["Code"]}
        if not found:
            return None
        limit = lambda_.get_function_concurrency(FunctionName=match["name"])
        reserved = limit.get("ReservedConcurrentExecutions")
        return replace(read_function(found, match["region"]), reserved=reserved)


def read_function(configuration: Mapping[str, Any], region: str) -> Function:
    """Return the Function of a GetFunctionConfiguration response, for an image with GetFunction's Code."""
    image_config = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {})
    variables = configuration.get("Environment", {}).get("Variables", {})
    logging = configuration.get("LoggingConfig", {})
    name = configuration["FunctionName"]
    return Function(
        region=region,
        name=name,
        version=configuration["Version"],
        arn=":".join(configuration["FunctionArn"].split(":")[:7]),
        handler=configuration.get("Handler", ""),
        python=configuration.get("Runtime", "").removeprefix("python"),
        timeout=configuration["Timeout"],
        memory=configuration["MemorySize"],
        environment=tuple(pair for pair in sorted(variables.items()) if pair[0] != PROXY_VARIABLE),
        log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
        log_format=logging.get("LogFormat", "Text"),
        log_level=logging.get("ApplicationLogLevel", ""),
        code=configuration["CodeSha256"],
        layers=_read_layers(configuration),
        image=configuration.get("Code", {}).get("ImageUri", ""),
        command=tuple(image_config.get("Command", ())),
    )


def _read_layers(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(layer["Arn"] for layer in configuration.get("Layers", ()))


def _download(url: str, digest: str) -> bytes:
    with _LOOPBACK.open(url) as response:
        content: bytes = response.read()
    found = base64.b64encode(hashlib.sha256(content).digest()).decode()
    if found != digest:
        # ministack keeps only the newest zip of each function. An older version can run only if it was
        # unpacked before.
        raise LocalCloudFailed(f"The code with the digest {digest} is no longer there.", hint="Deploy again.")
    return content


def _hex(digest: str) -> str:
    return base64.b64decode(digest).hex()
