"""What an order that names something wrong is told of what there is."""

import pytest

from plans.errors import InvalidSpec
from plans.orders import read_order
from tests.unit.shelf import MODEL, catalog

RATE = "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '1'\n"


def test_a_name_that_the_model_lacks_is_answered_with_those_that_it_has() -> None:
    with pytest.raises(InvalidSpec, match=r"m has no sound\. It has mode, seconds, audio, count\."):
        read_order(catalog(RATE), {"model": "m", "sound": True})


def test_a_value_that_only_another_task_has_is_answered_with_the_task() -> None:
    mode = 'dimensions.mode = { values = ["raw"], default = "raw" }'
    task = f'  [[model.task]]\n  code = "draft"\n  {mode}\n'
    shop = catalog(RATE, model=MODEL.replace("  [model.dim", f"{task}\n  [model.dim"))

    with pytest.raises(InvalidSpec, match=r"not raw\. The task draft has it\."):
        read_order(shop, {"model": "m", "mode": "raw"})


def test_a_wrong_task_is_not_guessed_where_there_is_one_only() -> None:
    with pytest.raises(InvalidSpec, match=r"must be one of text_to_video for m\.$"):
        read_order(catalog(RATE), {"model": "m", "task": "text_to_vide"})
