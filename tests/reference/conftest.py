"""Fixtures over the transformers of `tiny_transformers`."""

import pytest
from tiny_transformers import make_batch, make_transformer

from adapter_lib.transformer.backbone import Backbone, Batch


@pytest.fixture(params=["right", "left", "none"])
def batch(request: pytest.FixtureRequest) -> Batch:
    return make_batch(request.param)


@pytest.fixture
def backbone() -> Backbone:
    """In float64, so that formulas can be compared to rounding."""
    return Backbone.from_model(make_transformer().double(), name="tiny")
