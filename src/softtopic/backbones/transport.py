"""Entropic optimal transport by Sinkhorn's algorithm, with implicit gradients (Cuturi, 2013)."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from softtopic.errors import check_number, check_whole

# Larger scores are clamped: a float32 sum of two potentials and a score could overflow.
_MAX_SCORE = 1e30
# Relative to the masses: without it the system of the gradient is singular.
_RIDGE = 1e-9


@dataclass(frozen=True)
class SinkhornConfig:
    """Strength of the entropic regularisation, and when to stop iterating.

    Parameters
    ----------
    alpha : float
        Inverse of the entropic regularisation: the larger, the nearer the plan is to the unregularised one.
    tolerance : float
        Stop once the summed absolute error of the column masses is below this share of the total mass.
    max_iterations : int
        Stop after so many iterations.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    alpha: float
    tolerance: float
    max_iterations: int

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, 0, closed="neither")
        check_number("tolerance", self.tolerance, 0)
        check_whole("max_iterations", self.max_iterations, 1)


@dataclass(frozen=True, slots=True)
class Transport:
    """A transport plan.

    Attributes
    ----------
    plan : Tensor of shape (n_rows, n_columns)
        Rows sum to the row masses exactly, columns to theirs up to the tolerance.
    potential : Tensor of shape (n_columns,)
        Dual potential of the columns: a row of the plan is its mass x softmax(potential - alpha x its costs).
    n_iterations : int
        Iterations that were needed.
    """

    plan: Float[Tensor, "rows columns"]
    potential: Float[Tensor, " columns"]
    n_iterations: int


def squared_distances(
    x: Float[Tensor, "rows width"], y: Float[Tensor, "columns width"]
) -> Float[Tensor, "rows columns"]:
    """‖x_i - y_j‖² of all pairs, at least 0, by one matrix product."""
    across = torch.addmm(x.square().sum(dim=1)[:, None] + y.square().sum(dim=1), x, y.T, alpha=-2)
    return across.clamp_min(0)


def sinkhorn(
    cost: Float[Tensor, "rows columns"],
    row_mass: Float[Tensor, " rows"],
    column_mass: Float[Tensor, " columns"],
    config: SinkhornConfig,
    *,
    init_potential: Float[Tensor, " columns"] | None = None,
) -> Transport:
    """The plan that minimises Σ plan · cost - entropy(plan) / alpha for given row and column masses.

    Iterates in log space, so that no cost gives a NaN, however large. The plan is differentiable in cost and masses:
    its gradient is that of the converged plan, by the implicit function theorem, at the price of one small linear
    system whatever the number of iterations (Luise et al., 2018).

    Parameters
    ----------
    cost : Tensor of shape (n_rows, n_columns)
        Cost of moving a unit of mass from each row to each column.
    row_mass : Tensor of shape (n_rows,)
        Above 0.
    column_mass : Tensor of shape (n_columns,)
        Above 0, of the same sum as `row_mass`.
    config : SinkhornConfig
        Regularisation, tolerance and number of iterations.
    init_potential : Tensor of shape (n_columns,) or None, default=None
        Potential of the solution of a similar problem, to start from.

    Returns
    -------
    Transport
        Plan, potential and number of iterations.

    References
    ----------
    Cuturi, M. (2013). Sinkhorn distances: lightspeed computation of optimal transport. NeurIPS.
    """
    plan, potential, n_iterations = _iterate(cost, row_mass, column_mass, config, init_potential)
    if torch.is_grad_enabled():
        plan = _Implicit.apply(cost, row_mass, column_mass, plan, config.alpha)
    return Transport(plan, potential, n_iterations)  # type: ignore[arg-type]


@torch.no_grad()
def _iterate(
    cost: Tensor, row_mass: Tensor, column_mass: Tensor, config: SinkhornConfig, column: Tensor | None
) -> tuple[Tensor, Tensor, int]:
    """Plan, potential of the columns, number of iterations."""
    scores = (cost * -config.alpha).clamp(-_MAX_SCORE, _MAX_SCORE)
    log_rows, log_columns, n_iterations = row_mass.log(), column_mass.log(), 0
    row = torch.zeros_like(log_rows) if column is None else log_rows - torch.logsumexp(scores + column, dim=1)
    while True:
        reached = torch.logsumexp(scores + row[:, None], dim=0)
        # Row sums are exact by now, so the error of the columns is the whole error, and costs no further pass.
        if column is not None and (
            n_iterations >= config.max_iterations
            or float(((column + reached).exp() - column_mass).abs().sum()) < config.tolerance
        ):
            return (scores + row[:, None] + column).exp(), column, n_iterations
        column = log_columns - reached
        row = log_rows - torch.logsumexp(scores + column, dim=1)
        n_iterations += 1


class _Implicit(torch.autograd.Function):
    """The plan with the gradient it has at convergence.

    Let plan = exp(r_i + c_j - alpha·cost), and G the gradient of a loss with respect to it. The adjoint potentials
    (x, y) solve [diag(row sums), plan; planᵀ, diag(column sums)] (x, y) = (sums of G·plan), and the gradients are
    alpha·plan·(x_i + y_j - G) for the cost, x and y for the masses (Luise et al., 2018).
    """

    @staticmethod
    def forward(ctx: Any, cost: Tensor, row_mass: Tensor, column_mass: Tensor, plan: Tensor, alpha: float) -> Tensor:
        del cost, row_mass, column_mass
        ctx.save_for_backward(plan)
        ctx.alpha = alpha
        return plan.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        (plan,), (gradient,) = ctx.saved_tensors, gradients
        weighted = gradient * plan
        x, y = _adjoint(plan, weighted)
        grad_cost = torch.addcmul(weighted.neg_(), plan, x[:, None] + y).mul_(ctx.alpha)
        return grad_cost, x, y, None, None


def _adjoint(plan: Tensor, weighted: Tensor) -> tuple[Tensor, Tensor]:
    """The adjoint potentials. The longer side is eliminated, which leaves as many unknowns as there are topics."""
    if plan.shape[0] > plan.shape[1]:
        y, x = _adjoint(plan.T, weighted.T)
        return x, y
    # In float64, because only the ridge keeps the system from being singular. MPS has no float64, so the CPU solves it.
    wide: Any = {"dtype": torch.float64, "device": "cpu" if plan.device.type == "mps" else plan.device}
    plan_wide, weighted_wide = plan.to(**wide), weighted.to(**wide)
    mass, column_mass = plan_wide.sum(dim=1).clamp_min(1e-30), plan_wide.sum(dim=0).clamp_min(1e-30)
    rows, columns = weighted_wide.sum(dim=1), weighted_wide.sum(dim=0)
    system = torch.diag(mass * (1 + _RIDGE)) - (plan_wide / column_mass) @ plan_wide.T
    x = torch.linalg.solve(system, rows - plan_wide @ (columns / column_mass))
    y = (columns - plan_wide.T @ x) / column_mass
    return x.to(plan), y.to(plan)
