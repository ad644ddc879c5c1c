import numpy as np
import pytest

from softtopic.errors import InputError, check_number, check_whole


@pytest.mark.parametrize(
    ("closed", "inside"), [("left", (1, 1.5)), ("right", (1.5, 2)), ("both", (1, 1.5, 2)), ("neither", (1.5,))]
)
def test_the_ends_of_an_interval_belong_to_it_as_closed_says(closed, inside):
    for value in (1, np.float32(1.5), 2):
        if value in inside:
            check_number("p", value, 1, 2, closed=closed)
        else:
            with pytest.raises(InputError, match=f"p is {value}; give a number in "):
                check_number("p", value, 1, 2, closed=closed)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", None, True, -1])
def test_what_is_no_number_of_the_interval_is_refused(value):
    shown = repr(value) if isinstance(value, str) else value
    with pytest.raises(InputError, match=rf"p is {shown}; give a number in \[0, inf\)"):
        check_number("p", value, 0)


@pytest.mark.parametrize("value", [True, np.True_, "5", 2.0, None, 1])
def test_what_is_no_whole_number_is_refused_and_strings_are_quoted(value):
    shown = repr(value) if isinstance(value, str) else value
    with pytest.raises(InputError, match=f"k is {shown}; give a whole number of at least 2"):
        check_whole("k", value, 2)
