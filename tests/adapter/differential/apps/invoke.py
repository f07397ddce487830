"""A function without Lambda: the app named on the command line behind an Adapter; a line in, a line out."""

import json
import sys

from lambdify.adapter import Adapter, loading

respond = Adapter(loading.load(sys.argv[1]))
for line in sys.stdin:
    print(json.dumps(respond(json.loads(line), None)), flush=True)
respond.close()
