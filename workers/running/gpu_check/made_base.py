"""A base model and tasks made in place, so that a check needs no download.

The base is a BERT with random weights and a tokenizer of a few made-up words; a task asks of which
half a text has words, which even a random base lets learn.
"""

import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_HALVES = tuple([f"{letter}{n}" for n in range(6)] for letter in "ab")
_NEUTRAL = [f"c{n}" for n in range(12)]
VOCABULARY = len(_SPECIAL) + sum(map(len, _HALVES)) + len(_NEUTRAL)


def write_base(folder: Path, *, layers: int, hidden_size: int, dropout: float) -> Path:
    """Write a BERT with heads of 32 or 64 and random weights into `folder`; return it."""
    folder.mkdir(parents=True)
    _tokenizer().save_pretrained(folder)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=hidden_size // (64 if hidden_size >= 256 else 32),
        intermediate_size=4 * hidden_size,
        max_position_embeddings=512,
        initializer_range=1.7 * hidden_size**-0.5,  # so that random features tell words apart
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(11)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    torch.random.set_rng_state(state)
    return folder


def write_task(
    folder: Path, *, rows: int, held_out: int, tokens: tuple[int, int], seed: int = 0
) -> Path:
    """Write a task of two classes into `folder`, which names it; return it.

    Args:
        rows: of train; validation has `held_out`.
        tokens: the shortest and the longest row, with [CLS] and [SEP].
    """
    folder.mkdir(parents=True)
    card = {
        "name": folder.name,
        "task_type": "classification",
        "label_names": ["a", "b"],
        "metric": "accuracy",
    }
    (folder / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
    draw = random.Random(seed)
    for split, count in (("train", rows), ("validation", held_out)):
        lines = [json.dumps(_row(draw, i % 2, draw.randint(*tokens) - 2)) for i in range(count)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _row(draw: random.Random, label: int, words: int) -> dict[str, object]:
    own = max(1, words // 2)
    found = draw.choices(_HALVES[label], k=own) + draw.choices(_NEUTRAL, k=words - own)
    draw.shuffle(found)
    return {"sentence1": " ".join(found), "label": label}


def _tokenizer() -> PreTrainedTokenizerFast:
    words = [*_SPECIAL, *_HALVES[0], *_HALVES[1], *_NEUTRAL]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
