"""Content types by the end of a name: a fixed table, since those of machines differ.

https://www.iana.org/assignments/media-types/media-types.xhtml
"""

from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"
TEXTS = {
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "cjs": "text/javascript",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "jsx": "text/javascript",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
"""Types of text, which is UTF-8. https://www.rfc-editor.org/rfc/rfc9239 for scripts"""
OTHERS = {
    "atom": "application/atom+xml",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "eot": "application/vnd.ms-fontobject",
    "flac": "audio/flac",
    "geojson": "application/geo+json",
    "gif": "image/gif",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "gz": "application/gzip",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "map": "application/json",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "rss": "application/rss+xml",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "application/xml",
    "xsl": "application/xml",
    "zip": "application/zip",
}
BY_NAME = {"apple-app-site-association": "application/json"}
"""Names without an end: https://developer.apple.com/documentation/xcode/supporting-associated-domains"""
COMPRESSIBLE = frozenset(TEXTS) | {
    "atom", "bmp", "eot", "geojson", "gltf", "ico", "json", "jsonld", "map", "otf", "rss", "svg", "ttf",
    "wasm", "webmanifest", "xml", "xsl",
}  # fmt: skip
SMALLEST = 1_000
"""Bytes from which a file is zipped: below, its headers outweigh what is saved."""


def find(name: str) -> str:
    """Return the content type of a file."""
    end = _end(name)
    if end in TEXTS:
        return f"{TEXTS[end]}; charset=utf-8"
    return OTHERS.get(end) or BY_NAME.get(PurePosixPath(name).name, UNKNOWN)


def pays_to_zip(name: str, size: int) -> bool:
    """Return whether a file of so many bytes is sent zipped to who takes that."""
    return size >= SMALLEST and _end(name) in COMPRESSIBLE


def _end(name: str) -> str:
    return PurePosixPath(name).suffix[1:].lower()
