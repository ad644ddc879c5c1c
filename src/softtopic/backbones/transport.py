"""Entropic optimal transport: how to carry one set of masses to another at least cost, smoothly (Cuturi, 2013)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from softtopic.errors import InputError

# Beyond this a float32 sum of two potentials and a cost could overflow.
_LARGEST = 1e30
# Ties of the potentials between parts of a plan that hardly exchange mass; relative to the masses.
_RIDGE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When to stop iterating: the summed error of the column masses, as a share of all mass, or a count."""

    tolerance: float = 5e-3
    iterations: int = 1000

    def __post_init__(self) -> None:
        if self.tolerance < 0 or self.iterations < 1:
            raise InputError(f"give a tolerance of at least 0 and at least 1 iteration; given {self}")


@dataclass(frozen=True, slots=True)
class Transport:
    """A plan, and what it takes to begin the next one near it."""

    plan: Float[Tensor, "rows columns"]  # rows sum to the row masses exactly, columns up to the tolerance
    potential: Float[Tensor, " columns"]  # a row of the plan is its mass x softmax(potential - sharpness x its costs)
    iterations: int


def squared_distances(
    x: Float[Tensor, "rows width"], y: Float[Tensor, "columns width"]
) -> Float[Tensor, "rows columns"]:
    """‖x_i - y_j‖² for all pairs, at least 0, by one matrix product."""
    across = torch.addmm(x.square().sum(dim=1)[:, None] + y.square().sum(dim=1), x, y.T, alpha=-2)
    return across.clamp_min(0)


def sinkhorn(
    cost: Float[Tensor, "rows columns"],
    row_mass: Float[Tensor, " rows"],
    column_mass: Float[Tensor, " columns"],
    *,
    sharpness: float,
    stop: Stop = Stop(),
    start: Float[Tensor, " columns"] | None = None,
) -> Transport:
    """The plan that minimises Σ plan · cost - entropy(plan) / sharpness with the masses given.

    Masses are above 0 and each sums to the same total. `start` is the potential of an earlier, similar problem.
    Iterates in log space, so no cost, however large, gives a NaN. The plan is differentiable in cost and masses: its
    gradient is that of the converged plan, by the implicit function theorem, at the price of one small linear system
    and whatever the number of iterations.
    """
    with torch.no_grad():
        scores = (cost * -sharpness).clamp(-_LARGEST, _LARGEST)
        rows, columns = row_mass.log(), column_mass.log()
        column, count = start, 0
        row = torch.zeros_like(rows) if start is None else rows - torch.logsumexp(scores + start, dim=1)
        while True:
            reach = torch.logsumexp(scores + row[:, None], dim=0)
            # Once rows are exact, what the columns lack is the whole error, and costs no further pass.
            if column is not None and (
                count >= stop.iterations or float(((column + reach).exp() - column_mass).abs().sum()) < stop.tolerance
            ):
                break
            column = columns - reach
            row = rows - torch.logsumexp(scores + column, dim=1)
            count += 1
        plan = (scores + row[:, None] + column).exp()
    if torch.is_grad_enabled():
        plan = _Implicit.apply(cost, row_mass, column_mass, plan, sharpness)
    return Transport(plan, column, count)  # type: ignore[arg-type]


class _Implicit(torch.autograd.Function):
    """The plan with the gradient it has at convergence.

    From plan = exp(r_i + c_j - s·cost) and the two sums, with G the gradient of a loss by the plan: the adjoint
    potentials (x, y) solve [diag(row sums), plan; planᵀ, diag(column sums)] (x, y) = (sums of G·plan), and the
    gradients are s·plan·(x_i + y_j - G) by the cost, x and y by the masses (Luise et al., 2018).
    """

    @staticmethod
    def forward(
        ctx: Any, cost: Tensor, row_mass: Tensor, column_mass: Tensor, plan: Tensor, sharpness: float
    ) -> Tensor:
        del cost, row_mass, column_mass
        ctx.save_for_backward(plan)
        ctx.sharpness = sharpness
        return plan.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        (plan,), (gradient,) = ctx.saved_tensors, gradients
        weighted = gradient * plan
        x, y = _adjoint(plan, weighted)
        by_cost = torch.addcmul(weighted.neg_(), plan, x[:, None] + y).mul_(ctx.sharpness)
        return by_cost, x, y, None, None


def _adjoint(plan: Tensor, weighted: Tensor) -> tuple[Tensor, Tensor]:
    """The adjoint potentials. The longer side is eliminated; what is left is as small as the number of topics."""
    if plan.shape[0] > plan.shape[1]:
        y, x = _adjoint(plan.T, weighted.T)
        return x, y
    # In float64, for the system is singular but for its ridge. MPS has none; fifty unknowns are no work for a CPU.
    wide: Any = {"dtype": torch.float64, "device": "cpu" if plan.device.type == "mps" else plan.device}
    plan_wide, weighted_wide = plan.to(**wide), weighted.to(**wide)
    mass, column_mass = plan_wide.sum(dim=1).clamp_min(1e-30), plan_wide.sum(dim=0).clamp_min(1e-30)
    rows, columns = weighted_wide.sum(dim=1), weighted_wide.sum(dim=0)
    system = torch.diag(mass * (1 + _RIDGE)) - (plan_wide / column_mass) @ plan_wide.T
    x = torch.linalg.solve(system, rows - plan_wide @ (columns / column_mass))
    y = (columns - plan_wide.T @ x) / column_mass
    return x.to(plan), y.to(plan)
