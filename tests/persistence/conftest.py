import pytest
from states import STATES

from softtopic.state import FittedState


@pytest.fixture(params=STATES)
def state(request, texts) -> FittedState:
    return STATES[request.param](texts)
