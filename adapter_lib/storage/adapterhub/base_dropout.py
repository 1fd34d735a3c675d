"""The dropout that a head or a fusion takes from its base model where its file names none.

AdapterHub reads these settings under BERT's names; a few architectures have others for them.
"""

from collections.abc import Mapping
from typing import Any

_CLASSIFIER = {"albert": "classifier_dropout_prob", "distilbert": "seq_classif_dropout"}
_HIDDEN = {"distilbert": "dropout", "gpt2": "resid_pdrop"}
_ATTENTION = {"distilbert": "attention_dropout", "gpt2": "attn_pdrop"}


def head_dropout(model_config: Any) -> float:
    """Return the dropout of a head without its own."""
    for names, usual in ((_CLASSIFIER, "classifier_dropout"), (_HIDDEN, "hidden_dropout_prob")):
        value = _setting(model_config, names, usual)
        if value is not None:
            return float(value)
    return 0.0


def fusion_dropout(model_config: Any) -> float:
    """Return the dropout of a fusion without its own."""
    return float(_setting(model_config, _ATTENTION, "attention_probs_dropout_prob") or 0.0)


def _setting(model_config: Any, names: Mapping[str, str], usual: str) -> Any:
    return getattr(model_config, names.get(model_config.model_type, usual), None)
