"""Write adapters that are in some layers only, and adapters over ALBERT, whose layers share them,
as AdapterHub saves them, and what it computes with them.

Runs in the virtual environment that `build_fixtures.py` describes, over the bases that it wrote.
Each folder in `place_fixtures` is one base:

    base/                   a random ALBERT (the others' are in `fixtures`)
    adapters/NAME/          saved by `save_adapter`, with a head of the same name
    fusion/                 saved by `save_adapter_fusion`, over the adapters in `FUSED`
    inputs.safetensors      of an ALBERT
    expected.safetensors    last hidden states and logits, by NAME.DEPTH.hidden and ….logits; the
                            depth is 0 for ALBERT, of which AdapterHub cannot skip single layers
"""

import logging
import shutil
from pathlib import Path

import torch
import transformers
from adapters import AutoAdapterModel, BnConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from adapters.composition import Fuse
from build_fixtures import ENCODER, activate, make_inputs, shake
from build_fixtures import FIXTURES as BASES
from safetensors.torch import load_file, save_file
from torch import nn

FIXTURES = Path(__file__).parent / "place_fixtures"
SIZE = {"reduction_factor": 8}
SOMEWHERE: dict[str, BnConfig] = {  # of three layers
    "middle": SeqBnConfig(**SIZE, leave_out=[0, 2]),
    "ends": SeqBnConfig(**SIZE, leave_out=[1]),
    "below-top": SeqBnConfig(**SIZE, leave_out=[2]),
    "bottom": DoubleSeqBnConfig(**SIZE, leave_out=[2, 1]),
    "whole": SeqBnConfig(**SIZE),
    "sizes": ParBnConfig(reduction_factor={"0": 4, "default": 8}, leave_out=[1]),
}
FUSED = ["ends", "below-top", "whole"]  # AdapterHub fails where the last of them is left out
ALBERT = {"layers": 4, "groups": {"one": 1, "two": 2, "four": 4}}
SHARED: dict[str, BnConfig] = {
    "pfeiffer": SeqBnConfig(**SIZE),
    # As usual, its attention adapters would read the layer's input over ALBERT
    "both": DoubleSeqBnConfig(**SIZE, original_ln_before=True),
    "parallel": ParBnConfig(**SIZE, ln_before=True),
}
HEAD = {"num_labels": 3, "layers": 2}


def main() -> None:
    logging.getLogger("adapters").setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for architecture in ("bert", "distilbert", "gpt2"):
        model = load_base(BASES / architecture / "base", f"tiny-{architecture}")
        inputs = load_file(BASES / architecture / "inputs.safetensors")
        inputs = {name: inputs[f"right.{name}"] for name in ("input_ids", "attention_mask")}
        write(FIXTURES / architecture, model, SOMEWHERE, inputs, depths=(0, 1, 2))
    for name, groups in ALBERT["groups"].items():
        folder = FIXTURES / f"albert-{name}"
        model = make_albert(folder / "base", groups)
        configs = dict(SHARED)
        if groups > 1:
            configs["one-left-out"] = SeqBnConfig(**SIZE, leave_out=[1])
        inputs = make_inputs(0, "right")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(inputs, folder / "inputs.safetensors")
        write(folder, model, configs, inputs, depths=(0,))


def make_albert(folder: Path, groups: int) -> nn.Module:
    torch.manual_seed(3)
    sizes = ENCODER | {"num_hidden_layers": ALBERT["layers"], "num_hidden_groups": groups}
    config = transformers.AlbertConfig(**sizes, embedding_size=8, pad_token_id=0)
    model = transformers.AlbertModel(config)
    shake(model, 0.15)
    model.save_pretrained(folder)  # with its pooler, which AdapterHub always calls
    return load_base(folder, "tiny-albert")


def load_base(folder: Path, name: str) -> nn.Module:
    model = AutoAdapterModel.from_pretrained(folder)
    # Otherwise this machine's path would become part of every saved configuration
    model.config._name_or_path = model.base_model.config._name_or_path = name
    return model


def write(
    folder: Path,
    model: nn.Module,
    configs: dict[str, BnConfig],
    inputs: dict[str, torch.Tensor],
    depths: tuple[int, ...],
) -> None:
    torch.manual_seed(7)
    parts = {name: [name] for name in configs}
    for name, config in configs.items():
        model.add_adapter(name, config=config)
        model.add_classification_head(name, **HEAD)
    if set(FUSED) <= set(configs):
        model.add_adapter_fusion(Fuse(*FUSED))
        parts["fusion"] = FUSED
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "adapter" in key or key.startswith("heads."):
                spread = 0.1 if "adapter_fusion" in key else 0.3
                parameter.add_(torch.randn_like(parameter) * spread)
    model.eval()
    expected = {}
    for name, adapters in parts.items():
        target = folder / ("fusion" if name == "fusion" else f"adapters/{name}")
        target.mkdir(parents=True)
        if name == "fusion":
            model.save_adapter_fusion(str(target), Fuse(*FUSED))
        else:
            model.save_adapter(str(target), name)
        for depth in depths:
            activate(model, adapters, depth)
            with torch.no_grad():
                hidden = model.base_model(**inputs).last_hidden_state
                logits = model(**inputs, head=adapters[0]).logits
            expected[f"{name}.{depth}.hidden"] = hidden.clone()
            expected[f"{name}.{depth}.logits"] = logits.clone()
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    main()
