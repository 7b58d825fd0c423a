"""What is made once a process is nobody's: each use of a shape has fields of its own."""

from typing import Any

import pytest
from django.utils import translation
from rest_framework import serializers

from billing.http.shaping import MadeOnce
from billing.jobs.models import Job
from billing.jobs.shapes import JobOut


class Inner(MadeOnce):
    """A shape inside."""

    name = serializers.CharField(max_length=5)


class Outer(MadeOnce):
    """A shape."""

    inner = Inner(required=False)
    several = serializers.ListField(child=serializers.CharField(), required=False)
    choice = serializers.ChoiceField(["a", "b"], required=False)
    told = serializers.SerializerMethodField()

    def get_told(self, _given: object) -> object:
        """Return what only this use of the shape knows."""
        return self.context["told"]


class Wider(Outer):
    """A shape with one field more."""

    more = serializers.IntegerField()


@pytest.mark.parametrize("name", ["inner", "several", "choice", "told"])
def test_each_use_has_fields_of_its_own(name: str) -> None:
    first, second = Outer(context={"told": 1}), Outer(context={"told": 2})

    mine, other = first.fields[name], second.fields[name]

    assert mine is not other
    assert mine.root is first
    assert other.root is second
    assert mine.error_messages is not other.error_messages
    assert [shape.to_representation({})["told"] for shape in (first, second)] == [1, 2]


def test_what_is_in_a_list_and_in_a_shape_knows_whose_it_is() -> None:
    first, second = Outer(), Outer()
    firsts: Any = first.fields
    seconds: Any = second.fields

    assert firsts["several"].child.root is first
    assert seconds["several"].child.root is second
    assert firsts["inner"].fields["name"].root is first
    assert seconds["inner"].fields["name"].root is second


def test_a_shape_that_others_have_used_still_refuses_what_it_refused() -> None:
    for _time in range(2):
        shape: Outer = Outer(data={"inner": {"name": "too long"}, "choice": "c"})
        assert not shape.is_valid()
        assert set(shape.errors) == {"inner", "choice"}


def test_a_shape_has_not_its_bases_fields() -> None:
    assert "more" not in Outer().fields
    assert "more" in Wider().fields
    assert "more" not in Outer().fields


def test_the_fields_are_made_once_and_labelled_in_the_language_of_who_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[str] = []
    build = serializers.ModelSerializer.build_field

    def counted(self: Any, name: str, *more: Any) -> Any:  # noqa: ANN401 (as in DRF)
        built.append(name)
        return build(self, name, *more)

    monkeypatch.setattr(serializers.ModelSerializer, "build_field", counted)
    monkeypatch.setattr(JobOut, "_made", {})
    labels = []
    for language in ("zh-hans", "en", "zh-hans"):
        with translation.override(language):
            labels.append(str(JobOut().fields["finished_at"].label))
            expected = Job._meta.get_field("finished_at").verbose_name
            assert labels[-1].lower() == str(expected).lower()

    assert labels[0] == labels[2] != labels[1]
    assert built.count("finished_at") == 2
