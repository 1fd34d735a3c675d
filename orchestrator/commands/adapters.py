"""`pull`, and loading what `predict` asks for: use what the registry holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands.output import console, print_json
from orchestrator.errors import OrchestratorError
from orchestrator.registry.lookup import pull as pull_adapter
from orchestrator.stores import Stores

if TYPE_CHECKING:
    from workers.predict import Predictor


@dataclass(frozen=True)
class Source:
    """Where adapters and their base model are found.

    Attributes:
        base: the base model's short name, where a task has adapters over several.
        base_folder: where the base model lies, if it moved.
    """

    stores: Stores
    base: str | None = None
    base_folder: Path | None = None


def pull(
    reference: str,
    to: Path | None,
    *,
    workspace: Path,
    tracking: str | None,
    base: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Fetch, verify and lay down an adapter."""
    stores = Stores.at(workspace, tracking=tracking)
    target = to or Path("adapters") / reference.replace("/", "-")
    folder = pull_adapter(
        reference, target, tracking_uri=stores.tracking_uri, base=base, overwrite=overwrite
    )
    if as_json:
        print_json({"reference": reference, "folder": str(folder)})
        return
    console().print(f"{reference} is verified and in {folder}", soft_wrap=True)
    console().print(f"Use it:  adaptersweep predict {folder} 'a sentence'", soft_wrap=True)


def predictor_for(
    adapter: str, stores: Stores, *, base: str | None, base_folder: Path | None
) -> "Predictor":
    """Load an adapter from a folder, or pull it by name into the workspace first."""
    from workers.predict import Predictor

    return Predictor.load(adapter_folder(adapter, stores, base=base), base_folder=base_folder)


def adapter_folder(adapter: str, stores: Stores, *, base: str | None) -> Path:
    """Return the folder that an adapter is in, pulled by name into the workspace first.

    Raises:
        OrchestratorError: it is neither a folder with an adapter nor a name.
        RegistryError: nothing has that name.
    """
    from adapter_lib.storage.manifest import MANIFEST_NAME

    folder = Path(adapter)
    if not folder.is_dir():
        if "@" not in adapter:
            raise OrchestratorError(
                f"expected a folder with an adapter, or TASK@ALIAS, found {adapter}; "
                "`adaptersweep best` lists the tasks"
            )
        target = stores.workspace.root / "pulled" / adapter.replace("/", "-")
        return pull_adapter(
            adapter, target, tracking_uri=stores.tracking_uri, base=base, overwrite=True
        )
    if not (folder / MANIFEST_NAME).is_file():
        raise OrchestratorError(
            f"expected a folder with an adapter, found no {MANIFEST_NAME} in {folder}; give "
            "one that `adaptersweep pull` laid down, or TASK@ALIAS"
        )
    return folder
