import numpy as np
import torch
from scipy.sparse import csr_matrix

from softtopic.backbones.batch import SparseBatch
from softtopic.backbones.plsa import PLSA
from softtopic.backbones.settings import PLSASettings, Sizes
from softtopic.inputs.registry import Inputs
from softtopic.pipeline.predict import infer

DENSE = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
# The second document has no word, the last one a word that stands in no other.
SPARSE = csr_matrix(np.array([[0, 2, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 3, 0]], dtype=np.float32))
WHOLE = torch.cat([DENSE, torch.from_numpy(SPARSE.toarray())], dim=1)


def test_a_product_and_its_gradient_are_those_of_the_dense_batch():
    batch = SparseBatch.of(DENSE, SPARSE)
    rng = torch.Generator().manual_seed(1)
    weight, bias = (torch.randn(shape, generator=rng).requires_grad_() for shape in ((5, 7), (5,)))
    gradients = []
    for product in (batch.linear(weight, bias), torch.nn.functional.linear(WHOLE, weight, bias)):
        product.square().sum().backward()
        gradients.append((product.detach(), weight.grad.clone(), bias.grad.clone()))
        weight.grad = bias.grad = None
    for sparse, dense in zip(*gradients, strict=True):
        torch.testing.assert_close(sparse, dense)


@torch.no_grad()
def test_mixtures_are_those_of_the_dense_batch():
    sizes = Sizes(n_inputs=7, n_topics=3, n_words=6, word_width=None)
    backbone = PLSA(sizes, PLSASettings(), torch.Generator().manual_seed(0)).eval()
    backbone.standardize(DENSE, torch.tensor([True, True, False]))
    batch = SparseBatch.of(DENSE, SPARSE)
    torch.testing.assert_close(backbone(batch).theta, backbone(WHOLE).theta)
    inputs = Inputs({"hidden": DENSE.numpy(), "bow": SPARSE})
    found = infer(backbone.weights(), backbone.settings, inputs)
    torch.testing.assert_close(torch.from_numpy(found), backbone(batch).theta)
