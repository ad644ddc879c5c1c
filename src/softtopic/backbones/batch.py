"""Inputs of a mini-batch of which some columns are sparse."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SparseBatch:
    """Dense columns, followed by sparse ones in compressed rows.

    Attributes
    ----------
    dense : Tensor of shape (n_documents, n_dense)
    columns : Tensor of shape (n_values,)
        Sparse column of each value, from 0.
    offsets : Tensor of shape (n_documents,)
        Where the values of each document begin.
    values : Tensor of shape (n_values,), float32
    """

    dense: Float[Tensor, "docs width"]
    columns: Int[Tensor, " nonzero"]
    offsets: Int[Tensor, " docs"]
    values: Float[Tensor, " nonzero"]

    @classmethod
    def of(cls, dense: Float[Tensor, "docs width"], sparse: csr_matrix) -> "SparseBatch":
        """Put dense and sparse columns of the same documents side by side, on the device of the dense ones."""
        device = dense.device
        return cls(
            dense=dense,
            columns=torch.from_numpy(sparse.indices).to(device),
            offsets=torch.from_numpy(sparse.indptr[:-1]).to(device),
            values=torch.from_numpy(sparse.data).to(device),
        )

    def linear(
        self, weight: Float[Tensor, "out all_columns"], bias: Float[Tensor, " out"]
    ) -> Float[Tensor, "docs out"]:
        """All columns times the weight, plus the bias; columns that are zero cost nothing."""
        width = self.dense.shape[1]
        sparse = F.embedding_bag(
            self.columns, weight[:, width:].t().contiguous(), self.offsets, mode="sum", per_sample_weights=self.values
        )
        return F.linear(self.dense, weight[:, :width], bias) + sparse
