"""A program that compiles modules from stdin, and writes bytecode to stdout; run by the function's Python.

In:  for each module, two 32-bit lengths, then its path on Lambda, then its source.
Out: for each module, in the same order, a 32-bit length, then the .pyc; 0 if it does not compile.

It imports nothing of lambdify, and uses only its standard input and output.
"""

import importlib.util
import marshal
import struct
import sys
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    # This import would take longer than all others, in each worker.
    from typing import BinaryIO

UNCHECKED_HASH = 0b01
"""The flag of PEP 552 for bytecode that is valid without a check of its source."""


def main(jobs: "BinaryIO", results: "BinaryIO") -> None:
    """Compile every module from `jobs`, and write the results."""
    warnings.simplefilter("ignore")
    while header := jobs.read(8):
        path_length, source_length = struct.unpack("<II", header)
        path = jobs.read(path_length).decode()
        pyc = build(path, jobs.read(source_length))
        results.write(struct.pack("<I", len(pyc)) + pyc)


def build(path: str, source: bytes) -> bytes:
    """Return the .pyc of a module; empty if it does not compile, as a template or code for another Python."""
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return b""
    flags = struct.pack("<I", UNCHECKED_HASH)
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
