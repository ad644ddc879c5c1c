"""Distillation of a sentence encoder into a static one, on documents whose sentence vectors are known."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize
from torch import Tensor

from softtopic.lm.config import StaticEncoderConfig
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.static_encoder import StaticEncoder, open_tokenizer, token_counts
from softtopic.types import DocHidden, DocInt

# Equal sentence vectors have no principal components, and no sum of tokens has a length.
_EPSILON = 1e-12


def distill(
    encoder: SentenceEncoder,
    texts: Sequence[str],
    rows: DocInt,
    targets: DocHidden,
    config: StaticEncoderConfig,
    *,
    seed: int,
) -> StaticEncoder:
    """Train a static encoder to give the directions of sentence vectors.

    Each token that occurs is encoded alone and weighted by its inverse document frequency; a ridge regression maps sums
    of these vectors to the leading principal components of the targets. Then the vectors of tokens are trained to
    reproduce the targets and the cosines between them [1]_.

    Parameters
    ----------
    encoder : SentenceEncoder
        Gives the tokenizer, and the vectors of tokens.
    texts : sequence of str
        Documents.
    rows : ndarray of int
        Places of the documents whose vectors are known.
    targets : ndarray of shape (n_rows, width)
        These vectors, by the same encoder or any other.
    config : StaticEncoderConfig
    seed : int
        Order of the documents in training.

    References
    ----------
    .. [1] Tulkens and van Dongen (2024), "Model2Vec: Fast State-of-the-Art Static Embeddings".
    """
    text = encoder.tokenizer_json(config.max_tokens)
    counts = token_counts(open_tokenizer(text), texts)
    frequency = counts.getnnz(axis=0)
    tokens = np.flatnonzero(frequency)
    counts = csr_matrix(counts[:, tokens])
    weights = np.log((1 + len(texts)) / (1 + frequency[tokens])) + 1
    vectors = encoder.encode_tokens(tokens)
    vectors -= vectors.mean(axis=0)
    vectors *= weights[:, None].astype(np.float32)
    bags, goal = csr_matrix(counts[rows].power(0.5)), principal_components(targets, config.n_components)
    vectors = vectors @ _ridge(np.asarray(normalize(bags @ vectors)), goal, config.alpha)
    # Sums have length 1 on average: the scale that learning rate and float16 expect.
    vectors /= np.linalg.norm(bags @ vectors, axis=1).mean() + _EPSILON
    vectors = _train(vectors, bags, goal, config, seed)
    return StaticEncoder(tokenizer=text, tokens=tokens.astype(np.int32), vectors=vectors.astype(np.float16))


def principal_components(vectors: DocHidden, n_components: int) -> Float[np.ndarray, "docs components"]:
    """Leading principal components of L2-normalised vectors, L2-normalised again, in float32."""
    unit = np.asarray(normalize(np.asarray(vectors, dtype=np.float32)))
    unit -= unit.mean(axis=0)
    _, axes = np.linalg.eigh(unit.T @ unit)
    return np.asarray(normalize(unit @ axes[:, ::-1][:, :n_components]))


def _ridge(
    predictors: Float[np.ndarray, "docs width"], responses: Float[np.ndarray, "docs components"], alpha: float
) -> Float[np.ndarray, "width components"]:
    predictors = predictors - predictors.mean(axis=0)
    gram = predictors.T @ predictors
    gram[np.diag_indices_from(gram)] += alpha
    return np.linalg.solve(gram, predictors.T @ responses)


def _train(
    initial: Float[np.ndarray, "tokens width"],
    bags: csr_matrix,
    goal: Float[np.ndarray, "docs width"],
    config: StaticEncoderConfig,
    seed: int,
) -> Float[np.ndarray, "tokens width"]:
    """Vectors of tokens after training on the documents whose tokens are in `bags`."""
    rng = torch.Generator().manual_seed(seed)
    table = torch.from_numpy(initial).requires_grad_(True)
    targets = torch.from_numpy(goal)
    optimizer = torch.optim.Adam([table], lr=config.learning_rate, fused=True)
    batches: list[Tensor] = []
    for step in range(config.n_batches):
        batches = batches or list(torch.randperm(len(goal), generator=rng).split(config.batch_size))
        rows = batches.pop()
        predicted, wanted = _sums(table, csr_matrix(bags[rows.numpy()]), config.token_dropout, rng), targets[rows]
        loss = (1 - (predicted * wanted).sum(dim=1)).mean()
        loss = loss + (predicted @ predicted.T - wanted @ wanted.T).square().mean()
        optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - step / config.n_batches)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return table.detach().numpy()


def _sums(
    table: Float[Tensor, "tokens width"], bags: csr_matrix, dropout: float, rng: torch.Generator
) -> Float[Tensor, "docs width"]:
    weights = torch.from_numpy(bags.data) * (torch.rand(bags.nnz, generator=rng) >= dropout)
    indices, offsets = torch.from_numpy(bags.indices).long(), torch.from_numpy(bags.indptr).long()[:-1]
    sums = F.embedding_bag(indices, table, offsets, mode="sum", per_sample_weights=weights)
    return F.normalize(sums, eps=1e-6)
