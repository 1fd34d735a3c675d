"""Adapters of every kind of task over a toy base model, as trials leave them, and rows for them."""

from pathlib import Path
from typing import Any

import torch

from adapter_lib.config.configuration import AdapterConfig
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import save_adapter
from adapter_lib.transformer.backbone import Backbone
from workers.contract.head_settings import HeadSettings, head_config
from workers.contract.task_card import Columns, Metric, TaskCard, TaskKind

COLUMNS = {
    TaskKind.CLASSIFICATION: Columns(),
    TaskKind.REGRESSION: Columns(text_pair="sentence2"),
    TaskKind.MULTIPLE_CHOICE: Columns(text="question"),
    TaskKind.SPAN: Columns(text="question", text_pair="context"),
    TaskKind.TOKEN_CLASSIFICATION: Columns(text="words"),
}
ROWS: dict[TaskKind, list[dict[str, Any]]] = {
    TaskKind.CLASSIFICATION: [
        {"id": 1, "sentence1": "good film", "label": 1},
        {"id": 2, "sentence1": 'a bad, poor "plot"', "label": 0},
        {"id": 3, "sentence1": "", "label": 0},
    ],
    TaskKind.REGRESSION: [{"sentence1": "good film", "sentence2": "bad film", "other": "é"}],
    TaskKind.MULTIPLE_CHOICE: [
        {"question": "the film was", "choices": ["good", "bad", "very bad"]},
        {"question": "the plot was", "choices": ["dull, poor", "fine", "lovely"]},
    ],
    TaskKind.SPAN: [{"question": "the film was", "context": "a good film and a bad plot", "n": 1}],
    TaskKind.TOKEN_CLASSIFICATION: [{"words": ["good", "film"]}, {"words": ["a", "bad", "plot"]}],
}


def toy_card(kind: TaskKind) -> TaskCard:
    names = kind in (TaskKind.CLASSIFICATION, TaskKind.TOKEN_CLASSIFICATION)
    return TaskCard(
        name="one",
        kind=kind,
        columns=COLUMNS[kind],
        label_names=("bad", "good", "of the plot") if names else (),
        choices=3 if kind is TaskKind.MULTIPLE_CHOICE else None,
        metric=Metric.ACCURACY,
        metrics=(Metric.ACCURACY,),
    )


def save_toy_adapter(folder: Path, kind: TaskKind, base: Path, *, spread: float = 0.0) -> Path:
    """Save an adapter and head for a kind of task, and return its folder.

    Args:
        spread: of the adapter's weights; with 0 it is untrained, and changes nothing.
    """
    card, backbone = toy_card(kind), Backbone.from_folder(base)
    head = Head(head_config(card, HeadSettings()), hidden_size=32)
    bottlenecks = Adapter(AdapterConfig(bottleneck_size=4), layers=3, hidden_size=32)
    for parameter in bottlenecks.parameters() if spread else ():
        torch.nn.init.normal_(parameter, std=spread)
    save_adapter(
        folder,
        AdapterModel(backbone, head, bottlenecks),
        task=card.model_dump(mode="json") | {"max_length": 16},
        provenance={"base_source": f"folder:{base}", "base_revision": None},
    )
    return folder
