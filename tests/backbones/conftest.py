from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def known(request) -> dict[str, Tensor]:
    """The golden numbers of the backbone that a test file is named after."""
    name = Path(request.path).stem.removeprefix("test_")
    return {key: torch.from_numpy(np.asarray(value)) for key, value in np.load(GOLDEN / f"{name}.npz").items()}


@pytest.fixture(scope="module")
def published(known) -> Callable[[nn.Module, dict[str, str], dict[str, Tensor]], nn.Module]:
    """Fill a model with the published weights: `modules` maps module names to published ones, `others` are tensors."""

    def fill(model: nn.Module, modules: dict[str, str], others: dict[str, Tensor]) -> nn.Module:
        state = model.state_dict()
        for name in state:
            module, _, field = name.rpartition(".")
            if module in modules:
                state[name] = known[f"state/{modules[module]}.{field}"]
        model.load_state_dict(state | others)
        return model

    return fill
