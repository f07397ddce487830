"""Stages that keep one environment warm, unless a test says otherwise: each version is called once."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from releases.shipping import ONE_WARM


@pytest.fixture
def make_settings(make_settings: Callable[..., Any]) -> Callable[..., Any]:
    """`make_settings("staging", {"function.memory": 256})`: settings of a stage of the project "shop"."""

    def make(stage: str = "dev", overrides: Mapping[str, object] | None = None) -> Any:
        return make_settings(stage, ONE_WARM | dict(overrides or {}))

    return make
