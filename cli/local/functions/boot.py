"""The first thing that runs in a sandbox: makes the interpreter what Lambda's is, then runs AWS's client.

Run by the function's Python as a script with `-s -S -P`, so that nothing installed on this machine is
importable. (Not with -I: a function may set PYTHONPATH and other PYTHON* variables, as on Lambda; the
environment holds none of the developer's.) Arguments: the layers' folder, the runtime's folder, the handler.

What the function starts stays below this process, also where its own parent ends, so that it can be ended
with it (processes.py).

sys.path as the managed runtime has it:
https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
"""

import os
import site
import sys


def main(layers: str, runtime: str, handler: str) -> None:
    """Never comes back: the client asks for events until it is ended."""
    # -S left these out with the rest of `site`, but handlers do call exit().
    site.setquit()
    site.setcopyright()
    site.sethelper()
    adopt_orphans()
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[:0] = [task_root, f"{layers}/python/lib/{minor}/site-packages", f"{layers}/python"]
    sys.path.append(runtime)
    sys.argv = ["awslambdaric", handler]
    from awslambdaric.__main__ import main as serve

    serve(sys.argv)


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own among what comes of this process, where the system can."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


if __name__ == "__main__":
    main(*sys.argv[1:])
