"""The bill of materials of a bundle, as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/

It lists what is in the zips, from the wheels that were packed: not what a lock holds for other platforms, and
nothing of Lambda's own runtime. Each distribution has the sha256 of its wheel, a purl, and the licence that
it declares; the graph says which requires which on the function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cyclonedx import spdx
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseAcknowledgement, LicenseExpression
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.inventory import wheel_metadata
from lambdify.cli.packing.inventory.wheel_metadata import WheelMetadata
from lambdify.cli.packing.resolution import requirers
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.storage import folders
from lambdify.cli.version import VERSION

NAME = "lambdify-sbom.cdx.json"
"""The file beside the zips. The ending is the one that CycloneDX recommends."""


@dataclass(frozen=True, kw_only=True)
class _Listed:
    distribution: Distribution
    metadata: WheelMetadata
    component: Component


def write(bundle: Bundle, name: str, path: Path) -> None:
    """Write the bill of a bundle atomically; `name` is the app's. Raises BuildError for a lost wheel."""
    folders.write_atomically(path, make(bundle, name) + "\n")
    path.chmod(0o644)


def make(bundle: Bundle, name: str) -> str:
    """Return the bill as JSON. Raises BuildError for a lost wheel."""
    listed = [_list(each) for each in bundle.dependencies.distributions]
    adapter = _lambdify("lambdify.adapter")
    app = Component(name=name, type=ComponentType.APPLICATION, bom_ref=f"app:{name}")
    bom = Bom(components=[adapter, *(each.component for each in listed)])
    bom.metadata.component = app
    bom.metadata.tools.components.add(_lambdify("lambdify"))
    bom.metadata.lifecycles.add(PredefinedLifecycle(phase=LifecyclePhase.BUILD))
    for key, value in (("runtime", bundle.target.runtime), ("architecture", bundle.target.architecture)):
        bom.metadata.properties.add(Property(name=f"lambdify:{key}", value=value))
    _draw(bom, app, adapter, listed, bundle.target.markers())
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _list(distribution: Distribution) -> _Listed:
    metadata = wheel_metadata.read(distribution)
    purl = _purl(distribution)
    component = Component(
        name=distribution.name,
        version=distribution.version,
        description=metadata.summary or None,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=distribution.sha256)],
        licenses=_licences(metadata),
        external_references=_references(distribution),
    )
    return _Listed(distribution=distribution, metadata=metadata, component=component)


def _purl(distribution: Distribution) -> PackageURL:
    """Return the purl. What is built from a folder of this machine is not the index's package of that name.

    https://github.com/package-url/purl-spec
    """
    kind = "generic" if distribution.origin == "folder" else "pypi"
    qualifiers = {}
    if distribution.origin.startswith("git+"):
        qualifiers = {"vcs_url": distribution.origin}
    return PackageURL(
        type=kind,
        name=canonicalize_name(distribution.name),
        version=distribution.version,
        qualifiers=qualifiers,
    )


def _references(distribution: Distribution) -> list[ExternalReference]:
    origin = distribution.origin
    if "://" not in origin:
        return []
    kind = ExternalReferenceType.VCS if origin.startswith("git+") else ExternalReferenceType.DISTRIBUTION
    return [ExternalReference(type=kind, url=XsUri(origin))]


def _licences(metadata: WheelMetadata) -> list[License]:
    declared = LicenseAcknowledgement.DECLARED
    if metadata.expression:
        known = spdx.fixup_id(metadata.expression)
        if known:
            return [DisjunctiveLicense(id=known, acknowledgement=declared)]
        if spdx.is_expression(metadata.expression):
            return [LicenseExpression(value=metadata.expression, acknowledgement=declared)]
        return [DisjunctiveLicense(name=metadata.expression, acknowledgement=declared)]
    ids = {each: spdx.fixup_id(each) for each in dict.fromkeys(metadata.licences)}
    return [
        DisjunctiveLicense(id=known, name=None if known else name, acknowledgement=declared)
        for name, known in ids.items()
    ]


def _lambdify(name: str) -> Component:
    """Return one of our own two parts. They come from no index, where another project has the name."""
    return Component(
        name=name,
        version=VERSION,
        type=ComponentType.LIBRARY if name.endswith(".adapter") else ComponentType.APPLICATION,
        bom_ref=f"{name}@{VERSION}",
        purl=PackageURL(type="generic", name=name, version=VERSION),
        licenses=[DisjunctiveLicense(id="MIT", acknowledgement=LicenseAcknowledgement.DECLARED)],
    )


def _draw(
    bom: Bom, app: Component, adapter: Component, listed: Sequence[_Listed], markers: Mapping[str, str]
) -> None:
    """Add which requires which: the app everything that nothing else requires, and the adapter."""
    by_name: dict[str, _Listed] = {canonicalize_name(each.distribution.name): each for each in listed}
    requires = {name: each.metadata.requires for name, each in by_name.items()}
    below = requirers.find_required(requires, markers)
    required = {name for name, others in below.items() for name in others}
    for name, each in by_name.items():
        found = [by_name[other].component for other in sorted(below[name]) if other in by_name]
        bom.register_dependency(each.component, found)
    # Those that require each other in a circle are still required by somebody: the app.
    reached = {other for name in by_name if name not in required for other in _below(name, below)}
    top = [each.component for name, each in by_name.items() if name not in reached]
    bom.register_dependency(app, [adapter, *top])


def _below(name: str, below: Mapping[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in below.get(waiting.pop(), frozenset()) - found:
            found.add(other)
            waiting.append(other)
    return found - {name}
