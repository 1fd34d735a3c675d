"""The model card of a registered adapter, in Markdown: what it is, how good, and how to use it.

Pure: what it says comes from the trial, its result and its settings. The card is written once, when
a version is made; aliases, which move, are not in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from orchestrator.planning.selection import Standing
from workers.contract.results import Score
from workers.contract.task_card import Split, TaskCard, TaskKind

CARD_FILE = "README.md"
_LONGEST_CELL = 200


def model_card(standing: Standing, settings: Mapping[str, Any], *, name: str) -> str:
    """Return the whole card, which begins with what the Hub of Hugging Face reads of cards.

    Args:
        settings: of the trial, by the names of the sweep YAML.
        name: of the registered model in MLflow.
    """
    parts = [
        _front_matter(standing),
        summary(standing, name=name),
        _scores(standing),
        _task(standing.best.task.card, standing.best.task.fingerprint),
        _base(standing),
        _training(standing, settings),
        _limits(standing),
    ]
    return "\n".join(parts)


def summary(standing: Standing, *, name: str) -> str:
    """Return what a version's page in MLflow begins with: what it is, how good, how to use it."""
    trial, result = standing.best, standing.result
    spread = "" if standing.std is None else f" ± {standing.std:.4f}"
    seeds = "1 seed" if standing.seeds == 1 else f"{standing.seeds} seeds"
    files = result.adapter
    size = "" if files is None else f", {files.size_bytes / 1024:,.0f} KiB"
    lines = [
        f"# {trial.label}",
        "",
        f"An adapter for **{trial.task.name}** over the frozen base model **{trial.base.name}**: "
        f"{standing.metric} **{standing.score:.4f}** on validation "
        f"(its configuration: {standing.mean:.4f}{spread} over {seeds}; an answer that reads "
        f"nothing: {result.majority:.4f}). {result.parameters.stored:,} parameters{size}.",
        "",
        "## Use it",
        "",
        _example(trial.task.card, name),
    ]
    return "\n".join(lines)


def _front_matter(standing: Standing) -> str:
    trial = standing.best
    fields = {
        "library_name": "adaptersweep",
        "base_model": trial.base.source.partition(":")[2] or trial.base.name,
        "tags": ["adapter", trial.method.value, trial.task.card.kind.value],
        "metrics": list(map(str, trial.task.card.metrics)),
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def _example(card: TaskCard, name: str) -> str:
    row = ", ".join(f'"{column}": [{value!r}]' for column, value in example_row(card).items())
    return (
        "```python\n"
        "import mlflow\n"
        "import pandas as pd\n\n"
        f'model = mlflow.pyfunc.load_model("models:/{name}@champion")  # or {name}/VERSION\n'
        f"model.predict(pd.DataFrame({{{row}}}))\n"
        "```\n\n"
        f"or `adaptersweep predict '{card.name}@champion'`, which takes texts, lines and files. "
        "Both need adaptersweep installed, and compare the adapter's files and the base model's "
        "weights with what was registered.\n"
    )


def example_row(card: TaskCard) -> dict[str, Any]:
    """Return a row that the task reads, made up: rows of the data do not leave the workspace."""
    row: dict[str, Any] = {card.columns.text: "A cat sleeps on the warm stone."}
    if card.columns.text_pair is not None:
        row[card.columns.text_pair] = "An animal sleeps."
    if card.kind is TaskKind.SPAN:
        row[card.columns.text] = "Where does the cat sleep?"
        row[str(card.columns.text_pair)] = "The cat sleeps on the warm stone."
    if card.kind is TaskKind.TOKEN_CLASSIFICATION:
        row[card.columns.text] = "A cat sleeps on the warm stone ."
    if card.choices is not None:
        row[card.columns.choices] = [f"choice {n}" for n in range(1, card.choices + 1)]
    return row


def _scores(standing: Standing) -> str:
    result = standing.result
    names = list(dict.fromkeys(m for score in result.scores for m in score.metrics))
    rows = [
        (split.value, str(score.depth), f"{score.rows:,}", *(_number(score, m) for m in names))
        for split in Split
        for score in sorted(result.scores, key=lambda s: s.depth)
        if score.split is split
    ]
    table = _table(("split", "dropped layers", "rows", *names), rows)
    return (
        f"## Scores\n\nOf this adapter alone, trained with seed {standing.best.seed}. Kept: "
        f"{result.selection.checkpoint}; scores on {result.selection.selected_on} are optimistic "
        f"therefore.\n\n{table}"
    )


def _number(score: Score, metric: str) -> str:
    value = score.metrics.get(metric)
    return "" if value is None else f"{value:.4f}"


def _task(card: TaskCard, fingerprint: str) -> str:
    rows = [
        ("kind", card.kind.value.replace("_", " ")),
        ("columns", ", ".join(card.columns.read_by(card.kind).values())),
        ("labels", ", ".join(card.label_names)),
        ("licence of the data", card.licence),
        ("origin of the data", card.origin),
        ("fingerprint of the rows", f"`{fingerprint[:16]}`"),
    ]
    return f"## Task\n\n{_table(('', card.name), [row for row in rows if row[1]])}"


def _base(standing: Standing) -> str:
    base = standing.best.base
    return (
        "## Base model\n\n"
        f"{base.name}: {base.layers} layers of {base.hidden_size}, from `{base.source}`, pinned as "
        f"`{base.identity[:40]}`. Its weights are not in here; they are fetched from there, and an "
        "adapter is never put onto others.\n"
    )


def _training(standing: Standing, settings: Mapping[str, Any]) -> str:
    skipped = ("base_model", "base_identity")
    rows = [
        (name, _text(value))
        for name, value in settings.items()
        if value is not None and name not in skipped
    ]
    result = standing.result
    best = "" if result.best_epoch is None else f", kept as after epoch {result.best_epoch}"
    versions = ", ".join(f"{k} {v}" for k, v in sorted(result.environment.items()))[:_LONGEST_CELL]
    return (
        f"## Training\n\nTrial `{standing.best.trial_id}`, {result.duration_s:,.1f} s{best}; "
        f"{result.parameters.trained:,} parameters were trained. {versions}\n\n"
        f"{_table(('setting', 'value'), rows)}"
    )


def _limits(standing: Standing) -> str:
    return (
        "## Limits\n\n"
        f"It knows the rows of {standing.best.task.name} and the language of its base model, and "
        "whatever bias is in either. It was chosen on validation among the configurations of a "
        "sweep; of what it gives on other texts nothing was measured.\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    short = text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
    return " ".join(short.replace("|", "\\|").replace("<", "&lt;").split())


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
