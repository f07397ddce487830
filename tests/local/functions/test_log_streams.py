"""Names of log streams: as Lambda makes them, in a log group of the function's own and in a shared one."""

import re
import time
from dataclasses import replace

from local.running import FUNCTION

from lambdify.cli.local.functions.sandbox import log_stream

NOW = time.struct_time((2026, 11, 29, 6, 0, 0, 0, 333, 0))


def test_in_its_own_group_a_stream_has_the_version_and_in_a_shared_one_the_name_too():
    own = replace(FUNCTION, version="7", log_group=f"/aws/lambda/{FUNCTION.name}")
    shared = replace(own, log_group="/aws/lambda/shop-dev")
    assert re.fullmatch(r"2026/11/29/\[7\][0-9a-f]{32}", log_stream(own, NOW))
    assert re.fullmatch(rf"2026/11/29/{FUNCTION.name}\[7\][0-9a-f]{{32}}", log_stream(shared, NOW))
