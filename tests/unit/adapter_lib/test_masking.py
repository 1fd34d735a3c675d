"""Masking as BERT does it, and what an adapter learns from it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.errors import ConfigurationError
from adapter_lib.masking import IGNORED, mask_tokens, maskable_tokens, masked_lm_loss
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import load_adapter, save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

VOCABULARY, MASK = 40, 4


def draw(
    input_ids: torch.Tensor, maskable: torch.Tensor, *, seed: int = 0, fraction: float = 0.15
) -> tuple[torch.Tensor, torch.Tensor]:
    return mask_tokens(
        input_ids,
        maskable,
        mask_id=MASK,
        vocabulary_size=VOCABULARY,
        generator=torch.Generator().manual_seed(seed),
        fraction=fraction,
    )


def test_fractions_are_those_of_bert() -> None:
    ids = torch.randint(5, VOCABULARY, (400, 250), generator=torch.Generator().manual_seed(1))
    masked, targets = draw(ids, torch.ones_like(ids, dtype=torch.bool))
    chosen = targets != IGNORED
    count = int(chosen.sum())
    assert chosen.float().mean() == pytest.approx(0.15, abs=0.005)
    assert int((masked[chosen] == MASK).sum()) / count == pytest.approx(
        0.8 + 0.1 / VOCABULARY, abs=0.01
    )
    stayed = int((masked[chosen] == ids[chosen]).sum()) / count
    assert stayed == pytest.approx(0.1 + 0.1 / VOCABULARY, abs=0.01)
    assert torch.equal(targets[chosen], ids[chosen])
    assert torch.equal(masked[~chosen], ids[~chosen])
    others = masked[chosen & (masked != MASK) & (masked != ids)]
    assert set(others.tolist()) == set(range(VOCABULARY)) - {MASK}


def test_special_tokens_and_padding_are_never_chosen() -> None:
    ids = torch.randint(0, VOCABULARY, (50, 20), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[::2, 12:] = 0
    mask[1::2, :5] = 0
    maskable = maskable_tokens(Batch(ids, mask), torch.arange(5))
    assert torch.equal(maskable, (mask == 1) & (ids >= 5))
    masked, targets = draw(ids, maskable, fraction=1.0)
    assert torch.equal(targets != IGNORED, maskable)
    assert torch.equal(masked[~maskable], ids[~maskable])


def test_the_generator_decides_everything_and_the_input_stays() -> None:
    ids = torch.randint(5, VOCABULARY, (4, 9))
    before, maskable = ids.clone(), torch.ones_like(ids, dtype=torch.bool)
    state = torch.get_rng_state()
    one, two, other = draw(ids, maskable), draw(ids, maskable), draw(ids, maskable, seed=1)
    assert torch.equal(ids, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[1], other[1])


@pytest.mark.parametrize(("fraction", "mask_id"), [(0.0, 4), (1.1, 4), (0.15, 40), (0.15, -1)])
def test_nonsense_is_refused(fraction: float, mask_id: int) -> None:
    ids = torch.zeros(1, 1, dtype=torch.long)
    with pytest.raises(ConfigurationError, match="fraction in"):
        mask_tokens(
            ids,
            ids == 0,
            mask_id=mask_id,
            vocabulary_size=VOCABULARY,
            generator=torch.Generator(),
            fraction=fraction,
        )


def make_model(backbone: Backbone, head: HeadConfig) -> AdapterModel:
    generator = torch.Generator().manual_seed(2)
    adapter = Adapter(
        AdapterConfig(8, drop_depth=1),
        layers=backbone.layers_count,
        hidden_size=backbone.hidden_size,
        generator=generator,
    )
    return AdapterModel(backbone, Head.over(backbone, head, generator=generator), adapter)


MASKED_LM = HeadConfig(HeadKind.MASKED_LM, VOCABULARY, dropout=0.0)


def test_the_loss_is_the_cross_entropy_of_all_scores(backbone: Backbone, batch: Batch) -> None:
    model = make_model(backbone, MASKED_LM)
    masked_ids, targets = draw(batch.input_ids, batch.token_mask, fraction=0.5)
    masked = replace(batch, input_ids=masked_ids)
    for depth in (0, 3, 4):
        logits = model(masked, drop_depth=depth)
        expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        found = masked_lm_loss(model, masked, targets, drop_depth=depth)
        torch.testing.assert_close(found, expected)


def test_a_batch_without_chosen_tokens_has_no_loss(backbone: Backbone, batch: Batch) -> None:
    model = make_model(backbone, MASKED_LM)
    loss = masked_lm_loss(model, batch, torch.full_like(batch.input_ids, IGNORED))
    loss.backward()
    assert loss == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.head.parameters())


def test_another_head_has_no_such_loss(backbone: Backbone, batch: Batch) -> None:
    model = make_model(backbone, HeadConfig(HeadKind.CLASSIFICATION, 2))
    with pytest.raises(ConfigurationError, match="found a classification one"):
        masked_lm_loss(model, batch, batch.input_ids)
    with pytest.raises(ConfigurationError, match="found a classification one"):
        model.head.over_vocabulary(backbone(batch), backbone.token_embedding)


def sentences() -> Batch:
    """Each token is followed by the next higher one, so a masked one can be guessed."""
    starts = torch.arange(5, 25)
    ids = starts[:, None] + torch.arange(8)
    return Batch(ids, torch.ones_like(ids))


def train(model: AdapterModel, steps: int) -> list[float]:
    """Train adapter and head on masked sentences; return the loss on one fixed masking."""
    batch = sentences()
    many = Batch(batch.input_ids.repeat(10, 1), batch.attention_mask.repeat(10, 1))
    held_out = draw(many.input_ids, many.token_mask, seed=99)
    generator = torch.Generator().manual_seed(5)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for step in range(steps + 1):
        if step in (0, steps):
            with torch.no_grad():
                fixed = replace(many, input_ids=held_out[0])
                losses.append(float(masked_lm_loss(model, fixed, held_out[1])))
        ids, targets = mask_tokens(
            batch.input_ids,
            batch.token_mask,
            mask_id=MASK,
            vocabulary_size=VOCABULARY,
            generator=generator,
        )
        optimiser.zero_grad()
        masked_lm_loss(model, replace(batch, input_ids=ids), targets).backward()
        optimiser.step()
    return losses


def test_an_adapter_learns_to_guess_words_and_a_task_starts_from_it(
    backbone: Backbone, batch: Batch, tmp_path: Path
) -> None:
    model = make_model(backbone, MASKED_LM)
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    first, last = train(model, 120)
    counts = sentences().input_ids.flatten().bincount().double()
    entropy = torch.distributions.Categorical(counts).entropy()  # of words without context
    assert last < entropy < first
    assert all(torch.equal(before[name], p) for name, p in backbone.named_parameters())
    save_adapter(tmp_path / "pretrained", model, task={}, provenance={"objective": "masked_lm"})

    pretrained = load_adapter(tmp_path / "pretrained", backbone).adapter
    head = Head.over(backbone, HeadConfig(HeadKind.CLASSIFICATION, 3))
    task = AdapterModel(backbone, head, pretrained)
    assert torch.equal(task.hidden(batch), model.hidden(batch))
    task(batch).sum().backward()
    trained = {name.split(".")[0] for name, p in task.named_parameters() if p.grad is not None}
    assert trained == {"head", "adapter"}
    save_adapter(tmp_path / "task", task, task={}, provenance={})
    assert torch.equal(load_adapter(tmp_path / "task", backbone)(batch), task(batch))
