import numpy as np

from softtopic.inputs.language_axes import MIN_DOCUMENTS, language_axes, without_language


def vectors_of(n_languages: int, n: int = 40, width: int = 16):
    """Parallel documents: the same content in each language, and a direction of the language's own."""
    rng = np.random.default_rng(0)
    content, own = rng.normal(size=(n, width)), 5 * rng.normal(size=(n_languages, width))
    vectors = np.concatenate([content + one for one in own]).astype(np.float32)
    return vectors, [f"l{k}" for k in range(n_languages) for _ in range(n)]


def test_parallel_documents_are_equal_without_their_language():
    vectors, languages = vectors_of(3)
    axes = language_axes(vectors, languages)
    assert axes is not None
    assert axes.shape == (2, 16)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-6)
    first, second, third = np.split(vectors - (vectors @ axes.T) @ axes, 3)
    np.testing.assert_allclose(first - first.mean(0), second - second.mean(0), atol=1e-5)
    np.testing.assert_allclose(first.mean(0), third.mean(0), atol=1e-5)
    shared = without_language(vectors, axes)
    np.testing.assert_allclose(np.linalg.norm(shared, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(shared @ axes.T, 0, atol=1e-6)


def test_a_vector_depends_on_no_other():
    vectors, languages = vectors_of(2)
    axes = language_axes(vectors, languages)
    np.testing.assert_allclose(without_language(vectors[:1], axes), without_language(vectors, axes)[:1], atol=1e-6)


def test_languages_of_few_documents_have_no_axis():
    vectors, languages = vectors_of(2)
    few = languages[: 40 + MIN_DOCUMENTS - 1]
    assert language_axes(vectors[: len(few)], few) is None
    assert without_language(vectors, None) is vectors
