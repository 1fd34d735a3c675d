"""Write heads of every kind as AdapterHub saves them, and what it computes with them.

Runs in the virtual environment that `build_fixtures.py` describes. Each folder in `head_fixtures`
is one architecture:

    base/           a random model in transformers' format, with its pooler where it has one
    heads/NAME/     saved by `save_head`; every second one as safetensors
    inputs.safetensors, expected.safetensors
"""

import shutil
from pathlib import Path

import torch
import transformers
from adapters import AutoAdapterModel
from safetensors.torch import save_file
from torch import Tensor, nn

FIXTURES = Path(__file__).parent / "head_fixtures"
VOCABULARY, CHOICES = 30, 2
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 12,
    "type_vocab_size": 1,
}
ARCHITECTURES = {
    "bert": ("Bert", SIZES | {"pad_token_id": 0}),
    "roberta": ("Roberta", SIZES | {"pad_token_id": 1, "layer_norm_eps": 1e-3}),
    "electra": ("Electra", SIZES | {"pad_token_id": 0, "embedding_size": 8}),
}


def main() -> None:
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FIXTURES, ignore_errors=True)
    for architecture in ARCHITECTURES:
        folder = FIXTURES / architecture
        model = make_model(folder, architecture)
        save_all(folder, model, make_inputs(ARCHITECTURES[architecture][1]["pad_token_id"]))


def make_model(folder: Path, architecture: str) -> nn.Module:
    class_name, sizes = ARCHITECTURES[architecture]
    torch.manual_seed(3)
    config = getattr(transformers, f"{class_name}Config")(**sizes)
    model = getattr(transformers, f"{class_name}Model")(config)
    shake(model, 0.15)
    model.save_pretrained(folder / "base")
    loaded = AutoAdapterModel.from_pretrained(folder / "base")
    # Otherwise this machine's path would become part of every saved configuration
    loaded.config._name_or_path = loaded.base_model.config._name_or_path = f"tiny-{architecture}"
    pooled = architecture != "electra"
    # No name begins with another: AdapterHub would save both in the shorter one's file
    loaded.add_multiple_choice_head("choice", num_choices=CHOICES)
    loaded.add_tagging_head("tags", num_labels=3)
    loaded.add_tagging_head("deep-tags", num_labels=4, layers=2)
    loaded.add_qa_head("span")
    loaded.add_masked_lm_head("words")
    if pooled:
        loaded.add_classification_head("by-pooler", num_labels=3, layers=1, use_pooler=True)
        loaded.add_multiple_choice_head("pooled-choice", num_choices=CHOICES, use_pooler=True)
    with torch.no_grad():
        for key, parameter in loaded.named_parameters():
            if key.startswith("heads.") and not key.startswith("heads.words.3.weight"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return loaded.eval()


def shake(module: nn.Module, spread: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)


def make_inputs(pad_token: int) -> dict[str, Tensor]:
    ids = torch.randint(3, VOCABULARY, (4, 6), generator=torch.Generator().manual_seed(5))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    mask[3, 3:] = 0
    return {"input_ids": ids.masked_fill(mask == 0, pad_token), "attention_mask": mask}


def save_all(folder: Path, model: nn.Module, inputs: dict[str, Tensor]) -> None:
    expected = {}
    for index, name in enumerate(sorted(model.heads)):
        target = folder / "heads" / name
        target.mkdir(parents=True)
        model.save_head(str(target), name, use_safetensors=index % 2 == 1)
        model.active_head = name
        with torch.no_grad():
            output = model(**inputs)
        logits = (
            torch.stack([output.start_logits, output.end_logits], dim=-1)
            if name == "span"
            else output.logits
        )
        expected[name] = logits.contiguous()
    save_file(inputs, folder / "inputs.safetensors")
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    main()
