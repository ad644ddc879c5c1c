import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from softtopic.backbones.transport import SinkhornConfig, sinkhorn, squared_distances
from softtopic.errors import InputError


def converged(alpha: float) -> SinkhornConfig:
    return SinkhornConfig(alpha, tolerance=0.0, max_iterations=3000)


def masses(n: int, seed: int, dtype=torch.float64) -> torch.Tensor:
    return torch.softmax(torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=0)


def cost(rows: int, columns: int, dtype=torch.float64) -> torch.Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(3), dtype=dtype)


def unrolled(cost, row_mass, column_mass, alpha, iterations=3000):
    """The textbook iteration, differentiated step by step."""
    kernel = torch.exp(-alpha * cost)
    u = torch.ones_like(row_mass)
    for _ in range(iterations):
        v = column_mass / (kernel.T @ u)
        u = row_mass / (kernel @ v)
    return u[:, None] * kernel * v


@pytest.mark.parametrize(("rows", "columns"), [(4, 9), (9, 4), (2, 2)])
def test_values_and_gradients_are_those_of_the_whole_computation(rows, columns):
    leaves = [cost(rows, columns), masses(rows, 1).log(), masses(columns, 2).log()]
    weights = cost(columns, rows).T

    def both(solve):
        c, r, k = (leaf.clone().requires_grad_() for leaf in leaves)
        plan = solve(c, torch.softmax(r, dim=0), torch.softmax(k, dim=0), 8.0)
        # The cost itself and any other function of the plan.
        loss = (plan * c).sum() + (plan * weights).square().sum()
        return plan.detach(), *torch.autograd.grad(loss, (c, r, k))

    expected = both(unrolled)
    found = both(lambda c, r, k, alpha: sinkhorn(c, r, k, converged(alpha)).plan)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_stopped_early_both_are_near():
    c, r, k = cost(5, 40).requires_grad_(), torch.full((5,), 0.2).double(), masses(40, 2)
    exact = sinkhorn(c, r, k, converged(20.0))
    early = sinkhorn(c, r, k, SinkhornConfig(20.0, 5e-3, 1000))
    assert early.n_iterations < 200
    (wanted,), (found,) = (torch.autograd.grad((t.plan * c).sum(), c) for t in (exact, early))
    assert float((early.plan - exact.plan).detach().abs().sum()) < 0.03
    assert float((found - wanted).abs().sum() / wanted.abs().sum()) < 0.06


def test_a_start_near_the_solution_saves_iterations():
    c, r, k = cost(5, 40), torch.full((5,), 0.2).double(), masses(40, 2)
    cold = sinkhorn(c, r, k, SinkhornConfig(20.0, 5e-3, 1000))
    warm = sinkhorn(c + 1e-4, r, k, SinkhornConfig(20.0, 5e-3, 1000), init_potential=cold.potential)
    assert warm.n_iterations == 0
    assert cold.n_iterations > 5
    torch.testing.assert_close(warm.plan, cold.plan)
    torch.testing.assert_close(
        torch.softmax(cold.potential - 20 * c, dim=1) * r[:, None], cold.plan, rtol=1e-9, atol=1e-12
    )


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([1e-30, 1.0, 1e4, 1e20, 3e38]),
    st.floats(0.01, 1e3),
    st.data(),
)
def test_never_a_nan(rows, columns, scale, alpha, data):
    shares = st.floats(-1, 1, width=32)
    drawn = data.draw(hnp.arrays(np.float32, (rows, columns), elements=shares)) * np.float32(scale)
    c = torch.from_numpy(drawn).requires_grad_()
    r, k = (torch.full((n,), 1 / n, requires_grad=True) for n in (rows, columns))
    plan = sinkhorn(c, r, k, SinkhornConfig(alpha, 5e-3, 20)).plan
    assert plan.isfinite().all()
    assert (plan >= 0).all()
    plan.square().sum().backward()
    assert all(leaf.grad.isfinite().all() for leaf in (c, r, k))
    if scale <= 1:
        torch.testing.assert_close(plan.sum(dim=1), r, rtol=2e-2, atol=1e-6)


def test_distances_are_those_between_the_points():
    x, y = torch.randn(5, 3), torch.randn(4, 3)
    torch.testing.assert_close(squared_distances(x, y), torch.cdist(x, y).square(), rtol=1e-4, atol=1e-5)
    assert (squared_distances(x * 1e3, x * 1e3) >= 0).all()


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"tolerance": -1.0}, {"max_iterations": 0}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is"):
        SinkhornConfig(**{"alpha": 1.0, "tolerance": 0.0, "max_iterations": 1} | wrong)
