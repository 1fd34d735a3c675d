"""Load in AdapterHub what this library wrote, and compare with what AdapterHub wrote itself.

    venv/bin/python tests/reference/adapterhub/check_written.py FOLDER

FOLDER is what `test_adapterhub_round_trip.write_all` filled, with the same folders as
`fixtures`. Runs in the environment that `build_fixtures.py` describes, and fails with a list of
what differs: keys that are missing or left over, tensors, settings, or outputs.
"""

import json
import logging
import sys
from pathlib import Path

import torch
import transformers
from adapters import AutoAdapterModel
from build_fixtures import FIXTURES, FUSIONS, Case, activate
from safetensors.torch import load_file
from torch import nn

_logger = logging.getLogger(__name__)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("adapters").setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    written = Path(sys.argv[1])
    problems = []
    for folder in sorted(written.iterdir()):
        problems += check(folder, FIXTURES / folder.name)
    if problems:
        sys.exit("\n".join(problems))


def check(written: Path, original: Path) -> list[str]:
    """Return what is wrong with one architecture's folder."""
    model, problems = load(written, original)
    twin, _ = load(original, original)
    inputs = load_file(original / "inputs.safetensors")
    state, wanted = model.state_dict(), twin.state_dict()
    problems += [
        f"{original.name}: {key} differs"
        for key in wanted
        if ("adapter" in key or "heads" in key) and not torch.equal(state[key], wanted[key])
    ]
    same, largest = 0, 0.0
    for fields in json.loads((original / "cases.json").read_text()):
        case = Case(**fields)
        given = {
            key.removeprefix(f"{case.padding}."): tensor
            for key, tensor in inputs.items()
            if key.startswith(f"{case.padding}.")
        }
        outputs = []
        for each in (model, twin):
            activate(each, case.adapters, case.skip_layers)
            with torch.no_grad():
                outputs.append(each.base_model(**given).last_hidden_state)
        difference = (outputs[0] - outputs[1]).abs().max().item()
        same, largest = same + (difference == 0), max(largest, difference)
        if difference > 0:
            problems.append(f"{original.name}: {case.key} differs by {difference:.1e}")
    _logger.info("%s: %d outputs identical, largest difference %.1e", original.name, same, largest)
    return problems


def load(folder: Path, original: Path) -> tuple[nn.Module, list[str]]:
    """Return a model with every adapter, head and fusion of a folder, and what did not fit."""
    torch.manual_seed(0)
    model = AutoAdapterModel.from_pretrained(original / "base").eval()
    problems = []
    for path in [
        *sorted((folder / "adapters").iterdir()),
        *(folder / "fusions" / ",".join(names) for names in FUSIONS),
    ]:
        info: dict[str, list[str]] = {}
        read = model.load_adapter if path.parent.name == "adapters" else model.load_adapter_fusion
        read(str(path), use_safetensors=has_safetensors(path), loading_info=info)
        problems += [f"{path}: {kind} {key}" for kind, keys in info.items() for key in keys if keys]
    if (folder / "setup").exists():
        setup = folder / "setup"
        model.load_adapter_setup(str(setup), use_safetensors=has_safetensors(setup))
    return model.eval(), problems


def has_safetensors(path: Path) -> bool:
    return any(path.rglob("*.safetensors"))


if __name__ == "__main__":
    main()
