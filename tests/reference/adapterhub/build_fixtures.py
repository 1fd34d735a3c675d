"""Write the fixtures of this folder: adapters saved by AdapterHub, and what it computes with them.

Runs in a virtual environment of its own, since AdapterHub pins an old transformers:

    python3 -m venv venv
    venv/bin/pip install torch==2.13.0 adapters==1.3.0 transformers==4.57.6 accelerate==1.15.0 \
        'huggingface-hub<1.0' 'datasets<5'
    venv/bin/python tests/reference/adapterhub/build_fixtures.py

`test_adapterhub_outputs.py` compares this library with the result. Each folder in `fixtures` is
one architecture:

    base/           a random model in transformers' format
    adapters/NAME/  saved by `save_adapter`, some with a head; every second one as safetensors
    fusions/A,B/    saved by `save_adapter_fusion`, over adapters of that folder
    setup/          saved by `save_adapter_setup` (BERT only)
    training/       adapters and fusions before and after 20 steps, and their batches (BERT only)
    inputs.safetensors, expected.safetensors, cases.json
"""

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import adapters
import torch
import transformers
from adapters import AutoAdapterModel, BnConfig, DoubleSeqBnConfig, ParBnConfig, SeqBnConfig
from adapters.composition import Fuse
from safetensors.torch import save_file
from torch import Tensor, nn

FIXTURES = Path(__file__).parent / "fixtures"
LAYERS, HIDDEN, TOKENS, VOCABULARY = 3, 16, 7, 60
STEPS = 20
ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
DISTILBERT = {
    "vocab_size": VOCABULARY,
    "dim": HIDDEN,
    "n_layers": LAYERS,
    "n_heads": 2,
    "hidden_dim": 24,
    "max_position_embeddings": 16,
}
GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": HIDDEN,
    "n_layer": LAYERS,
    "n_head": 2,
    "n_positions": 16,
    "bos_token_id": 2,
    "eos_token_id": 2,
}
DEBERTA = ENCODER | {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 4,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "type_vocab_size": 0,
}
LLAMA = {key: value for key, value in ENCODER.items() if key != "type_vocab_size"} | {
    "num_key_value_heads": 1,
    "bos_token_id": 2,
    "eos_token_id": 2,
}
ARCHITECTURES = {
    "bert": ("Bert", ENCODER | {"pad_token_id": 0}),
    "deberta-v2": ("DebertaV2", DEBERTA | {"pad_token_id": 0}),
    "llama": ("Llama", LLAMA | {"pad_token_id": 0}),
    "roberta": ("Roberta", ENCODER | {"pad_token_id": 1, "type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", ENCODER | {"pad_token_id": 1, "type_vocab_size": 1}),
    "distilbert": ("DistilBert", DISTILBERT | {"pad_token_id": 0}),
    "electra": ("Electra", ENCODER | {"pad_token_id": 0, "embedding_size": 8}),
    "gpt2": ("GPT2", GPT2 | {"pad_token_id": 0}),
}
SOURCES = [f"s{index}" for index in range(8)]
ADAPTERS: dict[str, BnConfig] = {
    "pfeiffer": SeqBnConfig(reduction_factor=4),
    "houlsby": DoubleSeqBnConfig(reduction_factor=4),
    "parallel": ParBnConfig(reduction_factor=4),
    "late": SeqBnConfig(reduction_factor=4, leave_out=[0], non_linearity="gelu"),
    # Sources of different sizes
    **{
        name: SeqBnConfig(reduction_factor=[4, 8, 16][index % 3])
        for index, name in enumerate(SOURCES)
    },
}
# No name begins with another: AdapterHub would save the tensors of both in the shorter one's file
FUSIONS = [SOURCES[:2], SOURCES[2:5], SOURCES[::-1]]
HEADS = ["pfeiffer", "houlsby", "parallel", "late", *(names[0] for names in FUSIONS)]


@dataclass
class Case:
    """One output of AdapterHub.

    Attributes:
        key: prefix of its tensors in `expected.safetensors`: `KEY.hidden` and `KEY.logits`.
        adapters: one name, several that are fused, or none.
        skip_layers: how many of the lowest layers are skipped.
        padding: which inputs are used, `left` or `right`.
    """

    key: str
    adapters: list[str]
    skip_layers: int
    padding: str


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("adapters").setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for architecture in ARCHITECTURES:
        folder = FIXTURES / architecture
        model = make_model(folder, architecture)
        add_adapters(model)
        save_all(folder, model)
        save_outputs(folder, model, ARCHITECTURES[architecture][1]["pad_token_id"])
        if architecture == "bert":
            fusion = Fuse(*FUSIONS[0])
            model.save_adapter_setup(str(folder / "setup"), fusion, head_setup="s0")
            train(folder / "training", model, "pfeiffer")
            train(folder / "training", model, Fuse(*FUSIONS[1]))
        logging.info("%s: %d bytes", architecture, size_bytes(folder))
    versions = {library.__name__: library.__version__ for library in (adapters, transformers)}
    (FIXTURES / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


def make_model(folder: Path, architecture: str) -> nn.Module:
    """Save a plain random transformer, all of whose weights matter, and load it in AdapterHub."""
    class_name, sizes = ARCHITECTURES[architecture]
    torch.manual_seed(3)
    config = getattr(transformers, f"{class_name}Config")(**sizes)
    model = getattr(transformers, f"{class_name}Model")(config)
    shake(model, 0.15)
    if hasattr(model, "pooler"):
        model.pooler = None  # nothing here uses it
    model.save_pretrained(folder / "base")
    loaded = AutoAdapterModel.from_pretrained(folder / "base")
    # Otherwise this machine's path would become part of every saved configuration
    loaded.config._name_or_path = loaded.base_model.config._name_or_path = f"tiny-{architecture}"
    return loaded.eval()


def shake(module: nn.Module, spread: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)


def add_adapters(model: nn.Module) -> None:
    torch.manual_seed(4)
    for name, config in ADAPTERS.items():
        model.add_adapter(name, config=config)
    for index, name in enumerate(HEADS):
        model.add_classification_head(name, num_labels=3, layers=1 + index % 2)
    for names in FUSIONS:
        model.add_adapter_fusion(Fuse(*names))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "adapter" in key or key.startswith("heads."):
                spread = 0.1 if "adapter_fusion" in key else 0.3
                parameter.add_(torch.randn_like(parameter) * spread)
    model.eval()


def save_all(folder: Path, model: nn.Module) -> None:
    for index, name in enumerate(ADAPTERS):
        target = folder / "adapters" / name
        target.mkdir(parents=True)
        model.save_adapter(str(target), name, use_safetensors=index % 2 == 1)
    for index, names in enumerate(FUSIONS):
        target = folder / "fusions" / ",".join(names)
        target.mkdir(parents=True)
        model.save_adapter_fusion(str(target), Fuse(*names), use_safetensors=index % 2 == 1)


def make_inputs(pad_token: int, padding: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    lengths = [TOKENS, 4, 2]
    ids = torch.randint(3, VOCABULARY, (len(lengths), TOKENS), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, slice(0, length) if padding == "right" else slice(TOKENS - length, None)] = 1
    return {"input_ids": ids.masked_fill(mask == 0, pad_token), "attention_mask": mask}


def make_cases() -> Iterator[Case]:
    for padding in ("right", "left"):
        yield Case(f"none.{padding}", [], 0, padding)
        for name in ("pfeiffer", "houlsby", "parallel", "late"):
            for depth in range(LAYERS + 1):
                yield Case(f"{name}.{depth}.{padding}", [name], depth, padding)
        for names in FUSIONS:
            for depth in range(LAYERS):
                yield Case(f"fusion{len(names)}.{depth}.{padding}", names, depth, padding)


def activate(model: nn.Module, names: list[str], skip_layers: int) -> None:
    setup = Fuse(*names) if len(names) > 1 else names[0] if names else None
    model.set_active_adapters(setup, skip_layers=list(range(skip_layers)))


@torch.no_grad()
def save_outputs(folder: Path, model: nn.Module, pad_token: int) -> None:
    cases, expected = list(make_cases()), {}
    inputs = {padding: make_inputs(pad_token, padding) for padding in ("right", "left")}
    for case in cases:
        activate(model, case.adapters, case.skip_layers)
        given = inputs[case.padding]
        expected[f"{case.key}.hidden"] = model.base_model(**given).last_hidden_state.clone()
        if case.adapters:
            head = case.adapters[0]
            expected[f"{case.key}.logits"] = model(**given, head=head).logits.clone()
    flat = {f"{padding}.{key}": t for padding, given in inputs.items() for key, t in given.items()}
    save_file(flat, folder / "inputs.safetensors")
    save_file(expected, folder / "expected.safetensors")
    content = json.dumps([asdict(case) for case in cases], indent=1)
    (folder / "cases.json").write_text(content + "\n")


def train(folder: Path, model: nn.Module, setup: str | Fuse) -> None:
    """Save, fit adapter or fusion and head without dropout, and save again.

    The fusion by SGD: without dropout its key bias has no gradient but rounding, of which AdamW
    would make steps of full length.
    """
    fused = isinstance(setup, Fuse)
    head = setup.first() if fused else setup
    name = "fusion" if fused else "adapter"
    generator = torch.Generator().manual_seed(6)
    batches = {
        "input_ids": torch.randint(3, VOCABULARY, (STEPS, 4, TOKENS), generator=generator),
        "labels": torch.randint(0, 3, (STEPS, 4), generator=generator),
    }
    batches["attention_mask"] = torch.ones_like(batches["input_ids"])
    batches["attention_mask"][:, 1, 5:] = 0
    folder.mkdir(exist_ok=True)
    save_file(batches, folder / f"{name}_batches.safetensors")

    def save(when: str) -> None:
        target = folder / f"{name}_{when}"
        target.mkdir()
        if fused:
            model.save_adapter_fusion(str(target), setup, with_head=head, use_safetensors=True)
        else:
            model.save_adapter(str(target), setup, use_safetensors=True)

    save("before")
    if fused:
        model.train_adapter_fusion(setup)
    else:
        model.train_adapter(setup)
    model.eval()  # no dropout
    parameters = [
        parameter
        for key, parameter in model.named_parameters()
        if parameter.requires_grad and (not key.startswith("heads.") or f"heads.{head}." in key)
    ]
    optimiser: torch.optim.Optimizer = (
        torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        if fused
        else torch.optim.AdamW(parameters, lr=5e-3, weight_decay=0.0)
    )
    for step in range(STEPS):
        given = {key: tensor[step] for key, tensor in batches.items()}
        loss = model(**given, head=head).loss
        if fused:
            loss = loss + model.base_model.get_fusion_regularization_loss()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    save("after")


def size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
