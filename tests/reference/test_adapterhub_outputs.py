"""With AdapterHub's own files this library computes what AdapterHub computes.

The largest differences are logged: run with `--log-cli-level=INFO`.
"""

import logging

import pytest
import torch
from adapterhub_fixtures import ARCHITECTURES, HubFolder

from adapter_lib.modules.fusion import Fusion

TOLERANCE = 1e-5
_logger = logging.getLogger(__name__)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_hidden_states_and_logits_are_adapterhubs(architecture: str) -> None:
    hub = HubFolder(architecture)
    largest = {}
    for case in hub.cases:
        batch, part = hub.batch(case.padding), hub.part(case.adapters)
        with torch.no_grad():
            found = hub.backbone(batch, part, case.skip_layers)
        real = batch.token_mask
        difference = (found - hub.expected[f"{case.key}.hidden"])[real].abs().max()
        largest[case.key] = difference.item()
        # With padding on the left AdapterHub reads padding: token 0, or a decoder's wrong one
        if case.adapters and case.padding == "right":
            with torch.no_grad():
                logits = hub.model(case.adapters)(batch, drop_depth=case.skip_layers)
            difference = (logits - hub.expected[f"{case.key}.logits"]).abs().max()
            largest[f"{case.key} logits"] = difference.item()
    _logger.info("%s: largest difference %.1e", architecture, max(largest.values()))
    assert not {key: value for key, value in largest.items() if not value <= TOLERANCE}


def test_every_combination_is_among_the_fixtures() -> None:
    named = {"bert", "roberta", "xlm-roberta", "distilbert", "electra", "gpt2"}
    assert set(ARCHITECTURES) == named | {"deberta-v2", "llama"}
    for architecture in ARCHITECTURES:
        hub = HubFolder(architecture)
        layers = hub.backbone.layers_count
        found = {(tuple(case.adapters), case.skip_layers) for case in hub.cases}
        for name in ("pfeiffer", "houlsby", "parallel", "late"):
            assert {((name,), depth) for depth in range(layers + 1)} <= found
        assert {len(names) for names, depth in found if depth == 2} == {1, 2, 3, 8}


def test_adapters_matter_to_the_outputs_compared() -> None:
    """Otherwise equality would say little."""
    for architecture in ARCHITECTURES:
        hub = HubFolder(architecture)
        plain = hub.expected["none.right.hidden"]
        for case in hub.cases:
            if case.padding == "right" and case.adapters and case.skip_layers < 3:
                difference = (hub.expected[f"{case.key}.hidden"] - plain).abs().max()
                assert difference > 0.05, case.key


@pytest.mark.parametrize("kind", ["adapter", "fusion"])
def test_twenty_training_steps_end_where_adapterhubs_end(kind: str) -> None:
    """Without dropout, from the same weights, on the same batches; see `build_fixtures.train`."""
    hub = HubFolder("bert")
    before, after = hub.trained(kind, "before"), hub.trained(kind, "after")
    batches = hub.training_batches(kind)
    parameters = [p for p in before.parameters() if p.requires_grad]
    optimiser: torch.optim.Optimizer = (
        torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        if isinstance(before.adapter, Fusion)
        else torch.optim.AdamW(parameters, lr=5e-3, weight_decay=0.0)
    )
    start = before.trainable_state()
    for batch, labels in batches:
        loss = torch.nn.functional.cross_entropy(before(batch), labels)
        if isinstance(before.adapter, Fusion):
            loss = loss + before.adapter.regularisation_loss()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found, expected = before.trainable_state(), after.trainable_state()
    assert len(batches) == 20
    assert max((expected[name] - start[name]).abs().max() for name in start) > 0.05
    difference = max((found[name] - expected[name]).abs().max().item() for name in expected)
    _logger.info("%s: largest difference %.1e after 20 steps", kind, difference)
    assert difference <= 1e-4
