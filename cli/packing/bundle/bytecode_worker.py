"""Compile modules that come in over stdin, and answer over stdout. Runs alone, under the function's Python.

In:  for each module, two 32-bit lengths, then its path on Lambda, then its source.
Out: for each module, in the same order, a 32-bit length, then the .pyc; 0 if it does not compile.

It imports nothing of lambdify, and its standard input and output are all it needs of the machine.
"""

import importlib.util
import marshal
import struct
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    # To import this takes longer than all else that is imported here, in each worker.
    from typing import BinaryIO

UNCHECKED_HASH = 0b01
"""PEP 552: valid whatever the source's date is, and without reading the source."""


def main(jobs: "BinaryIO", results: "BinaryIO") -> None:
    """Answer every job."""
    warnings.simplefilter("ignore")
    while header := jobs.read(8):
        path_length, source_length = struct.unpack("<II", header)
        path = jobs.read(path_length).decode()
        pyc = build(path, jobs.read(source_length))
        results.write(struct.pack("<I", len(pyc)) + pyc)


def build(path: str, source: bytes) -> bytes:
    """The .pyc of one module; empty if it does not compile, as templates and code for other Pythons."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return b""
    flags = struct.pack("<I", UNCHECKED_HASH)
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
