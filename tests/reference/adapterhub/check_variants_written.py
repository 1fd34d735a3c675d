"""Load in AdapterHub the variants that this library wrote, and compare with its own.

    venv/bin/python tests/reference/adapterhub/check_variants_written.py FOLDER

FOLDER is what `test_adapterhub_variants.write_all` filled, with the same folders as
`variant_fixtures`. Runs in the environment that `build_fixtures.py` describes, and fails with a
list of keys that are missing or left over, and of outputs that differ.
"""

import logging
import sys
from pathlib import Path

import transformers
from adapters import AutoAdapterModel
from build_fixtures import FIXTURES as BASES
from build_variant_fixtures import FIXTURES, FUSIONS, SOURCES, outputs
from check_written import has_safetensors
from safetensors.torch import load_file

_logger = logging.getLogger(__name__)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("adapters").setLevel(logging.ERROR)
    transformers.logging.set_verbosity_error()
    problems = []
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        problems += check(folder)
    if problems:
        sys.exit("\n".join(problems))


def check(folder: Path) -> list[str]:
    """Return what is wrong with one architecture's folder."""
    inputs = load_file(BASES / folder.name / "inputs.safetensors")
    expected = load_file(FIXTURES / folder.name / "expected.safetensors")
    problems, found = [], {}
    for kind in FUSIONS:
        # A model of its own: it has one fusion of the same adapters at a time
        model = AutoAdapterModel.from_pretrained(BASES / folder.name / "base").eval()
        paths = sorted((folder / "adapters").iterdir())
        for path in [*paths, folder / "fusions" / kind]:
            info: dict[str, list[str]] = {}
            is_fusion = path.name == kind and path.parent.name == "fusions"
            read = model.load_adapter_fusion if is_fusion else model.load_adapter
            read(str(path), use_safetensors=has_safetensors(path), loading_info=info)
            problems += [f"{path}: {what} {key}" for what, keys in info.items() for key in keys]
        model.eval()
        found |= outputs(model, f"fusion-{kind}", SOURCES[kind], inputs)
    for path in paths:
        if path.name[:2] not in ("a-", "b-"):
            found |= outputs(model, path.name, [path.name], inputs)
    assert found.keys() == expected.keys()
    same = 0
    for key, tensor in expected.items():
        difference = (found[key] - tensor).abs().max().item()
        same += difference == 0
        # Written with V in front of the softmax, where AdapterHub rounds otherwise
        if difference > (1e-6 if "value-late" in key else 0):
            problems.append(f"{folder.name}: {key} differs by {difference:.1e}")
    _logger.info("%s: %d of %d outputs identical", folder.name, same, len(found))
    return problems


if __name__ == "__main__":
    main()
