"""What AdapterHub's `adapters` 1.3.0 gets wrong, and this library does right.

The numbers are those of the list of its defects that the project was started with. Drop schedules
(1 to 3) and weight decay (14) are tested with `workers`, in `test_fitting.py`.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_transformers import HIDDEN, LAYERS, make_batch, make_transformer
from torch.utils._python_dispatch import TorchDispatchMode

from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Sharing,
)
from adapter_lib.errors import AdapterFileError, WrongBaseError
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.adapterhub.folders import WeightsFormat
from adapter_lib.storage.adapterhub.reading import read_adapter
from adapter_lib.storage.adapterhub.writing import write_adapter
from adapter_lib.storage.files import load_adapter, save_adapter
from adapter_lib.transformer.backbone import Backbone


def tiny(architecture: str = "bert") -> Backbone:
    return Backbone.from_model(make_transformer(architecture), name=f"tiny-{architecture}")


def make_adapter(config: AdapterConfig, layers: int = LAYERS) -> Adapter:
    adapter = Adapter(config, layers=layers, hidden_size=HIDDEN)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return adapter


def make_model(backbone: Backbone, part: Adapter | Fusion | None) -> AdapterModel:
    head = Head(HeadConfig(HeadKind.CLASSIFICATION, 3), hidden_size=HIDDEN)
    return AdapterModel(backbone, head, part)


def make_fusion() -> Fusion:
    sources = {name: make_adapter(AdapterConfig(4)) for name in "abc"}
    return Fusion(FusionConfig(), sources, layers=LAYERS, hidden_size=HIDDEN)


def test_4_with_every_layer_dropped_logits_have_one_row_per_example() -> None:
    batch = make_batch()
    for part in (make_adapter(AdapterConfig(4)), make_fusion(), None):
        logits = make_model(tiny(), part)(batch, drop_depth=LAYERS)
        assert logits.shape == (len(batch.input_ids), 3)
    backbone = tiny()
    models = {name: make_model(backbone, make_adapter(AdapterConfig(4))) for name in "abc"}
    for logits in MultiTask(models)(batch, drop_depth=LAYERS).values():
        assert logits.shape == (len(batch.input_ids), 3)


def test_5_specialised_adapters_of_different_depths_are_served_together() -> None:
    backbone, batch = tiny(), make_batch()
    models = {
        str(depth): make_model(backbone, make_adapter(AdapterConfig(4, drop_depth=depth)))
        for depth in (2, 0, 3, 1)
    }
    with torch.no_grad():
        for name, logits in MultiTask(models)(batch).items():
            torch.testing.assert_close(logits, models[name](batch), rtol=1e-5, atol=1e-5)


def test_6_an_example_may_have_no_adapter() -> None:
    backbone, batch = tiny(), make_batch()
    model = make_model(backbone, make_adapter(AdapterConfig(4)))
    with torch.no_grad():
        found = MultiTask({"a": model}).mixed(batch, [None, "a", None, "a"])
        expected = backbone(batch)
        real = batch.token_mask[::2]
        hidden, wanted = (x[::2][real] for x in (found.hidden, expected))
        torch.testing.assert_close(hidden, wanted, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found.logits["a"], model(batch)[1::2], rtol=1e-5, atol=1e-5)


def test_7_a_drop_depth_is_of_one_call_and_stays_nowhere() -> None:
    backbone, batch = tiny(), make_batch()
    one = make_model(backbone, make_adapter(AdapterConfig(4)))
    two = make_model(backbone, make_adapter(AdapterConfig(4)))
    before = one(batch), two(batch)
    one(batch, drop_depth=3)
    assert torch.equal(one(batch), before[0])
    assert torch.equal(two(batch), before[1])


def test_8_any_source_of_a_fusion_can_be_pruned_the_last_one_too() -> None:
    backbone, batch, fusion = tiny(), make_batch(), make_fusion().eval()
    for name in "abc":
        rest = [other for other in "abc" if other != name]
        pruned = fusion.pruned(dict.fromkeys(range(LAYERS), rest))
        assert pruned.source_names == tuple(rest)
        assert backbone(batch, pruned).isfinite().all()


def test_9_shared_adapters_are_stored_once_and_come_back_shared(tmp_path: Path) -> None:
    model = make_model(tiny(), make_adapter(AdapterConfig(4, sharing=Sharing.ALL_LAYERS)))
    save_adapter(tmp_path / "a", model, task={}, provenance={})
    names = [n for n in load_file(tmp_path / "a" / "adapter.safetensors") if "feed_forward" in n]
    assert len(names) == 4
    loaded = load_adapter(tmp_path / "a", model.backbone).adapter
    assert isinstance(loaded, Adapter)
    assert len({id(loaded.bottleneck(layer)) for layer in range(LAYERS)}) == 1


class Products(TorchDispatchMode):
    """Counts matrix products by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (name := func.overloadpacket.__name__) in ("mm", "addmm", "bmm", "baddbmm"):
            self.counts[name] += 1
        return func(*args, **kwargs or {})


def test_10_adapters_are_batched_not_looped() -> None:
    """Of the rest of it, drop schedules and sweeps over depths are tested with `workers`."""
    backbone, batch = tiny(), make_batch()

    def of_many_tasks(tasks: int) -> int:
        models = {
            str(i): make_model(backbone, make_adapter(AdapterConfig(4 + i, drop_depth=i % 2)))
            for i in range(tasks)
        }
        many = MultiTask(models)
        with torch.no_grad(), Products() as seen:
            many.mixed(batch, [str(i % tasks) for i in range(len(batch.input_ids))])
            many(batch)
        return seen.counts["baddbmm"]  # heads, which are one per task, have none

    def of_fusion(sources: int) -> int:
        made = {str(i): make_adapter(AdapterConfig(4)) for i in range(sources)}
        fusion = Fusion(FusionConfig(), made, layers=LAYERS, hidden_size=HIDDEN).eval()
        with torch.no_grad():
            backbone(batch, fusion)  # folds the matrices
            with Products() as seen:
                backbone(batch, fusion)
        return seen.counts.total()

    assert of_many_tasks(4) == of_many_tasks(2) == 2 * 2 * LAYERS
    assert of_fusion(8) == of_fusion(2) >= LAYERS


def test_11_an_adapter_of_another_base_is_never_left_random_in_silence(tmp_path: Path) -> None:
    bert, roberta = tiny(), tiny("roberta")
    model = make_model(bert, make_adapter(AdapterConfig(4)))
    save_adapter(tmp_path / "ours", model, task={}, provenance={})
    with pytest.raises(WrongBaseError, match="model_type bert expected, roberta found"):
        load_adapter(tmp_path / "ours", roberta)
    assert isinstance(model.adapter, Adapter)
    write_adapter(tmp_path / "hub", model.adapter, name="a", backbone=bert)
    with pytest.raises(WrongBaseError, match="model_type bert"):
        read_adapter(tmp_path / "hub", roberta)
    fewer = make_adapter(AdapterConfig(4), layers=2)
    write_adapter(tmp_path / "fewer", fewer, name="a", backbone=bert)
    with pytest.raises(AdapterFileError, match=r"missing encoder\.layer\.2"):
        read_adapter(tmp_path / "fewer", bert)


@pytest.mark.parametrize("weights_format", WeightsFormat)
def test_12_either_format_is_found_without_saying_which(
    weights_format: WeightsFormat, tmp_path: Path
) -> None:
    backbone, adapter = tiny(), make_adapter(AdapterConfig(4))
    write_adapter(tmp_path, adapter, name="a", backbone=backbone, weights_format=weights_format)
    assert read_adapter(tmp_path, backbone).adapter.config == adapter.config


def test_13_training_one_model_leaves_another_ones_head_alone() -> None:
    backbone, batch = tiny(), make_batch()
    trained = make_model(backbone, make_adapter(AdapterConfig(4)))
    other = make_model(backbone, make_adapter(AdapterConfig(4)))
    trained(batch).sum().backward()
    assert all(p.grad is not None for p in trained.head.parameters())
    assert all(p.grad is None for p in [*other.head.parameters(), *backbone.parameters()])


def test_13_norms_can_be_trained_with_an_adapter_or_alone() -> None:
    model = make_model(tiny(), make_adapter(AdapterConfig(4, trained_norm=True)))
    model(make_batch()).sum().backward()
    assert isinstance(model.adapter, Adapter)
    shifts = {n: p for n, p in model.adapter.named_parameters() if "_norm." in n}
    assert len(shifts) == 4 * LAYERS
    assert all(p.grad is not None and p.grad.any() for p in shifts.values())
    model.backbone.unfreeze_norms()
    trained = {name for name, p in model.backbone.named_parameters() if p.requires_grad}
    assert trained
    assert all("LayerNorm" in name for name in trained)


def test_14_the_regularisation_of_values_is_part_of_the_same_steps_loss() -> None:
    fusion = make_fusion()
    fusion.regularisation_loss().backward()
    for name, parameter in fusion.fused.named_parameters():
        assert (parameter.grad is not None) == name.endswith("value"), name


def test_padding_on_the_left_does_not_reach_the_head() -> None:
    """Not in that list: AdapterHub's heads read token 0 of an encoder, even if it is padding."""
    backbone = tiny("llama")
    for model in (make_model(backbone, make_adapter(AdapterConfig(4))), make_model(tiny(), None)):
        batch = make_batch("left")
        with torch.no_grad():
            before = model(batch)
            batch.input_ids = batch.input_ids.masked_fill(~batch.token_mask, 7)
            after = model(batch)
        torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
