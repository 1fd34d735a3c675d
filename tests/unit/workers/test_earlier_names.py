"""What was written under the names that settings had before is still read."""

from workers.contract.results import PrefixUse
from workers.contract.task_card import Split
from workers.contract.trial import CacheDtype, Training


def test_settings_of_an_earlier_record_keep_their_values() -> None:
    written = '{"learning_rate": 0.01, "prefix_dropout": true, "prefix_type": "float16"}'
    found = Training.model_validate_json(written)
    assert found == Training(
        learning_rate=0.01, frozen_dropout=True, cache_dtype=CacheDtype.FLOAT16
    )
    assert Training.model_validate_json(found.model_dump_json()) == found


def test_what_an_earlier_trial_took_from_the_cache_is_known() -> None:
    written = '{"taps": {"train": ["2-feed-forward"]}, "computed": 1, "bytes": 8, "prepare_s": 0.5}'
    assert PrefixUse.model_validate_json(written).cut_points == {Split.TRAIN: ("2-feed-forward",)}
