"""Batches: every example once, from the generator alone, with little padding."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.batches.batching import collate, evaluation_batches, padding_share, training_batches
from workers.batches.tokens import Tokens
from workers.contract.trial import Batching


def tokens_of(lengths: list[int], *, typed: bool = True) -> Tokens:
    total = sum(lengths)
    return Tokens(
        ids=np.arange(1, total + 1, dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        types=(np.arange(total) % 2).astype(np.int32) if typed else None,
        pad_id=0,
        cut=np.zeros(len(lengths), bool),
        textless=np.zeros(len(lengths), bool),
    )


CPU = torch.device("cpu")


def epoch(
    tokens: Tokens, batch_size: int, seed: int = 0, *, batching: Batching = Batching.BY_LENGTH
) -> list[np.ndarray]:
    return drawn(tokens, batch_size, torch.Generator().manual_seed(seed), batching)


def drawn(
    tokens: Tokens, batch_size: int, generator: torch.Generator, batching: Batching
) -> list[np.ndarray]:
    labels = np.zeros(len(tokens), int)
    return training_batches(
        tokens, labels, batch_size=batch_size, batching=batching, generator=generator
    )


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=300),
    st.integers(1, 40),
    st.sampled_from(Batching),
)
def test_every_example_comes_once_in_the_fewest_batches(
    lengths: list[int], batch_size: int, batching: Batching
) -> None:
    batches = epoch(tokens_of(lengths), batch_size, batching=batching)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // batch_size)
    assert max(map(len, batches)) <= batch_size


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=300), st.integers(1, 3))
def test_batches_of_an_evaluation_hold_as_many_tokens_as_they_may(
    lengths: list[int], per_row: int
) -> None:
    lengths = lengths[: len(lengths) // per_row * per_row] or [5] * per_row
    tokens = replace(tokens_of(lengths), per_row=per_row)
    batches = evaluation_batches(tokens, CPU)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(tokens)))
    sizes = [len(b) * int(tokens.lengths[b].max()) * per_row for b in batches]
    assert all(size <= 1024 or len(b) == 1 for size, b in zip(sizes, batches, strict=True))
    for batch, after in itertools.pairwise(batches):
        longest = int(tokens.lengths[batch].max())
        assert int(tokens.lengths[after].max()) <= longest
        assert (len(batch) + 1) * longest * per_row > 1024  # no other fits


@pytest.mark.parametrize("batching", Batching)
def test_order_follows_from_the_generator_and_differs_between_epochs(batching: Batching) -> None:
    tokens = tokens_of(np.random.default_rng(0).integers(4, 60, 500).tolist())
    one, same, other = (epoch(tokens, 16, seed, batching=batching) for seed in (0, 0, 1))
    assert [b.tolist() for b in one] == [b.tolist() for b in same]
    assert [b.tolist() for b in one] != [b.tolist() for b in other]
    generator = torch.Generator().manual_seed(0)
    first, second = (drawn(tokens, 16, generator, batching) for _ in range(2))
    assert {frozenset(b.tolist()) for b in first} != {frozenset(b.tolist()) for b in second}


@pytest.mark.parametrize("batching", Batching)
def test_the_generators_state_says_what_follows(batching: Batching) -> None:
    tokens = tokens_of(list(range(1, 101)))
    generator = torch.Generator().manual_seed(5)
    drawn(tokens, 8, generator, batching)
    kept = generator.get_state()
    onward = drawn(tokens, 8, generator, batching)
    restored = torch.Generator()
    restored.set_state(kept)
    again = drawn(tokens, 8, restored, batching)
    assert [b.tolist() for b in onward] == [b.tolist() for b in again]


def test_random_batches_do_not_look_at_lengths() -> None:
    short_and_long = tokens_of([1] * 500 + [100] * 500)
    alike = tokens_of([7] * 1000)
    one, other = (epoch(t, 10, batching=Batching.RANDOM) for t in (short_and_long, alike))
    assert [b.tolist() for b in one] == [b.tolist() for b in other]
    means = [short_and_long.lengths[batch].mean() for batch in one]
    # Of ten rows drawn from both halves the mean has a standard deviation of 49.5 / √10.
    assert 12 < np.std(means) < 20


def test_batches_do_not_come_in_order_of_length() -> None:
    tokens = tokens_of(np.random.default_rng(1).integers(4, 60, 2000).tolist())
    means = [tokens.lengths[batch].mean() for batch in epoch(tokens, 20)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_padding_is_a_fraction_of_that_of_random_batches() -> None:
    lengths = np.random.default_rng(2).lognormal(3.2, 0.5, 4000).clip(5, 128).astype(int)
    tokens = tokens_of(lengths.tolist())
    shuffled = np.random.default_rng(3).permutation(4000)
    random_share = padding_share(tokens, np.split(shuffled, 125))
    assert random_share > 0.4
    drawn_share = padding_share(tokens, epoch(tokens, 32, batching=Batching.RANDOM))
    assert drawn_share == pytest.approx(random_share, abs=0.03)
    assert padding_share(tokens, epoch(tokens, 32)) < random_share / 3
    assert padding_share(tokens, evaluation_batches(tokens, CPU)) < 0.03


def test_evaluation_starts_with_the_longest() -> None:
    tokens = tokens_of([300, 900, 400, 900, 100, 1])
    batches = [[1], [3], [2, 0], [4, 5]]
    assert [b.tolist() for b in evaluation_batches(tokens, CPU)] == batches
    assert len(evaluation_batches(tokens, torch.device("cuda"))) == 1


def test_collate_pads_at_the_right() -> None:
    tokens = replace(tokens_of([2, 3, 1]), pad_id=99)
    batch = collate(tokens, np.array([2, 1]), "cpu")
    assert batch.input_ids.tolist() == [[6, 99, 99], [3, 4, 5]]
    assert batch.attention_mask.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch.token_type_ids is not None
    assert batch.token_type_ids.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert {t.dtype for t in (batch.input_ids, batch.attention_mask, batch.token_type_ids)} == {
        torch.int64
    }


def test_collate_leaves_token_types_out_where_there_are_none() -> None:
    assert collate(tokens_of([2], typed=False), np.array([0]), "cpu").token_type_ids is None


def test_one_label_is_needed_per_example() -> None:
    with pytest.raises(ValueError, match="found 2 for 3"):
        training_batches(
            tokens_of([1, 1, 1]),
            [0, 1],
            batch_size=2,
            batching=Batching.RANDOM,
            generator=torch.Generator(),
        )
