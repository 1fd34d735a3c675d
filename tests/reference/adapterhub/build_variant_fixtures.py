"""Write adapters with every arrangement of residuals and norms, and every kind of fusion, as
AdapterHub saves them, and what it computes with them.

Runs in the virtual environment that `build_fixtures.py` describes, over the bases that it wrote.
Each folder in `variant_fixtures` is one architecture:

    adapters/NAME/          saved by `save_adapter`
    fusions/KIND/           saved by `save_adapter_fusion`, over the adapters that `SOURCES` names
    expected.safetensors    last hidden states of the inputs in `fixtures`, by NAME.DEPTH.PADDING
"""

import logging
import shutil
from pathlib import Path

import torch
import transformers
from adapters import (
    AdapterFusionConfig,
    AutoAdapterModel,
    BnConfig,
    DoubleSeqBnConfig,
    ParBnConfig,
    SeqBnConfig,
)
from adapters.composition import Fuse
from build_fixtures import FIXTURES as BASES
from build_fixtures import activate
from safetensors.torch import load_file, save_file
from torch import nn

FIXTURES = Path(__file__).parent / "variant_fixtures"
SIZE = {"reduction_factor": 8}
ADAPTERS: dict[str, BnConfig] = {
    "projection": SeqBnConfig(**SIZE, original_ln_before=False),
    "projection-open": SeqBnConfig(**SIZE, original_ln_before=False, original_ln_after=False),
    "both-normed": DoubleSeqBnConfig(**SIZE, original_ln_before=True),
    "both-parallel": ParBnConfig(**SIZE, mh_adapter=True),
    "sum": SeqBnConfig(**SIZE, residual_before_ln="post_add"),
    "sum-open": SeqBnConfig(**SIZE, residual_before_ln="post_add", original_ln_after=False),
    "normed": SeqBnConfig(**SIZE, residual_before_ln=False),
    "normed-open": SeqBnConfig(**SIZE, residual_before_ln=False, original_ln_after=False),
    "norm-before": SeqBnConfig(**SIZE, ln_before=True, leave_out=[0]),
    "norm-bottleneck": SeqBnConfig(**SIZE, ln_after=True),
    "norm-output": SeqBnConfig(**SIZE, ln_after=True, adapter_residual_before_ln=True),
    "everything": DoubleSeqBnConfig(
        **SIZE,
        original_ln_before=True,
        original_ln_after=False,
        ln_before=True,
        ln_after=True,
        adapter_residual_before_ln=True,
        residual_before_ln=False,
    ),
    "parallel-norms": ParBnConfig(**SIZE, ln_before=True, ln_after=True),
    "parallel-open": ParBnConfig(**SIZE, original_ln_after=False),
    **{f"{name}-{kind}": config for name in "ab" for kind, config in {
        "usual": SeqBnConfig(reduction_factor=4 if name == "a" else 8),
        "around": SeqBnConfig(**SIZE, residual_before_ln=False),
        "open": SeqBnConfig(**SIZE, residual_before_ln=False, original_ln_after=False),
        "early": SeqBnConfig(**SIZE, original_ln_before=False),
    }.items()},
}  # fmt: skip
POST_NORM_ONLY = {"sum", "sum-open"}  # AdapterHub fails with them over a pre-norm base
DYNAMIC = {
    "key": True,
    "query": True,
    "value": True,
    "query_before_ln": False,
    "regularization": True,
    "residual_before": False,
    "temperature": False,
    "value_before_softmax": True,
    "value_initialized": True,
    "dropout_prob": None,
}
FUSIONS: dict[str, dict[str, object]] = {
    "static": {"value": False, "value_initialized": False, "regularization": False},
    "without-key": {"key": False},
    "without-query": {"query": False},
    "value-alone": {"query": False, "key": False},
    "query-early": {"query_before_ln": True},
    "value-drawn": {"value_initialized": False},
    "value-late": {"value_before_softmax": False},
    "around": {},
    "open": {"query_before_ln": True},
    "early": {},
}
SOURCES = {
    kind: [f"{name}-{kind if kind in ('around', 'open', 'early') else 'usual'}" for name in "ab"]
    for kind in FUSIONS
}
DEPTHS = {"right": (0, 2), "left": (1,)}


def main() -> None:
    logging.getLogger("adapters").setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for architecture in ("bert", "distilbert", "gpt2"):
        folder = FIXTURES / architecture
        skipped = POST_NORM_ONLY if architecture == "gpt2" else set()
        names = [name for name in ADAPTERS if name not in skipped]
        model = make_model(architecture, names)
        expected = {}
        inputs = load_file(BASES / architecture / "inputs.safetensors")
        for name in names:
            save(folder / "adapters" / name, model, name)
            if name[:2] not in ("a-", "b-"):
                expected |= outputs(model, name, [name], inputs)
        for kind in FUSIONS:
            # A model of its own: it has one fusion of the same adapters at a time
            fused = make_model(architecture, names, fusion=kind)
            save(folder / "fusions" / kind, fused, Fuse(*SOURCES[kind]))
            expected |= outputs(fused, f"fusion-{kind}", SOURCES[kind], inputs)
        save_file(expected, folder / "expected.safetensors")


def make_model(architecture: str, names: list[str], fusion: str | None = None) -> nn.Module:
    model = AutoAdapterModel.from_pretrained(BASES / architecture / "base")
    # Otherwise this machine's path would become part of every saved configuration
    model.config._name_or_path = model.base_model.config._name_or_path = f"tiny-{architecture}"
    torch.manual_seed(7)
    for name in names:
        model.add_adapter(name, config=ADAPTERS[name])
    shake(model, "adapters.", 0.3)
    if fusion is not None:
        config = AdapterFusionConfig.from_dict(DYNAMIC | FUSIONS[fusion])
        model.add_adapter_fusion(Fuse(*SOURCES[fusion]), config)
        shake(model, "adapter_fusion_layer", 0.1)
    return model.eval()


def shake(model: nn.Module, part: str, spread: float) -> None:
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if part in key:
                parameter.add_(torch.randn_like(parameter) * spread)


def save(folder: Path, model: nn.Module, part: str | Fuse) -> None:
    """Pickled, since AdapterHub cannot write norms in front of adapters as safetensors."""
    folder.mkdir(parents=True)
    if isinstance(part, Fuse):
        model.save_adapter_fusion(str(folder), part)
    else:
        model.save_adapter(str(folder), part)


@torch.no_grad()
def outputs(
    model: nn.Module, key: str, adapters: list[str], inputs: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    found = {}
    for padding, depths in DEPTHS.items():
        given = {name: inputs[f"{padding}.{name}"] for name in ("input_ids", "attention_mask")}
        for depth in depths:
            activate(model, adapters, depth)
            hidden = model.base_model(**given).last_hidden_state
            found[f"{key}.{depth}.{padding}"] = hidden.clone()
    return found


if __name__ == "__main__":
    main()
