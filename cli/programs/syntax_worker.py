"""Runs in the function's Python: parses a file, and writes what it says as JSON, for `syntax`.

An older Python knows fewer kinds of nodes, so nodes are written by name, and the reader decides. Nothing of
the file is run. The standard library alone: no package of lambdify is on this interpreter's path.
"""

import ast
import json
import sys
import warnings


def encode(node: object) -> object:
    """Return a node, a list of them, or a constant, as JSON has it."""
    if isinstance(node, ast.AST):
        fields = {name: encode(value) for name, value in ast.iter_fields(node)}
        places = {name: getattr(node, name) for name in node._attributes if hasattr(node, name)}
        return {"node": type(node).__name__, "fields": fields, "places": places}
    if isinstance(node, list):
        return [encode(each) for each in node]
    if node is None or isinstance(node, bool | str):
        return node
    if isinstance(node, int):
        return {"int": hex(node)}
    if isinstance(node, bytes):
        return {"bytes": node.hex()}
    if isinstance(node, complex):
        return {"complex": [node.real, node.imag]}
    return {"float": node} if isinstance(node, float) else {"ellipsis": True}


def answer(path: str) -> dict[str, object]:
    """Return the tree of a file, or the line that this Python cannot read, and why."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return {"tree": encode(ast.parse(data))}
    except SyntaxError as error:
        return {"line": error.lineno or 1, "why": error.msg}
    except ValueError as error:
        return {"line": 1, "why": str(error)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with open(1, "w", encoding="ascii") as output:
        json.dump(answer(sys.argv[1]), output)
