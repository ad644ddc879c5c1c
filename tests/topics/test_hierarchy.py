import numpy as np
import pytest
from topic_states import edited_state

from softtopic.errors import InputError
from softtopic.topics import edits, hierarchy
from softtopic.topics.edits import apply

STATE = edited_state()


def test_distances_of_topics_are_those_of_their_words_and_documents():
    one, other = STATE.topic_word[:2]
    hellinger = 1 - np.sqrt(one * other).sum()
    words = hierarchy.topic_points(edited_state(vectors=False))
    np.testing.assert_allclose(np.square(words[0] - words[1]).sum(), 2 * hellinger, atol=1e-5)
    vectors = STATE.vectors.documents.astype(float)
    centers = STATE.theta[:, :2].T @ (vectors - vectors.mean(axis=0))
    cosine = centers[0] @ centers[1] / np.prod(np.linalg.norm(centers, axis=1))
    both = hierarchy.topic_points(STATE)
    np.testing.assert_allclose(np.square(both[0] - both[1]).sum(), 2 * (hellinger + 1 - cosine), atol=1e-3)


def test_levels_are_nested_and_their_counts_add_up():
    table = hierarchy.hierarchical_topics(STATE, [2, 4])
    assert list(table.columns) == ["Level", "Topic", "Parent", "Topics", "Count", "Name", "Words"]
    assert table["Level"].value_counts().to_dict() == {2: 2, 4: 4, 6: 6}
    assert table["Parent"].isna().tolist() == [True] * 2 + [False] * 10
    for level, rows in table.groupby("Level"):
        assert sorted(topic for topics in rows["Topics"] for topic in topics) == list(STATE.topic_ids)
        assert rows["Count"].sum() == len(STATE.theta)
        assert rows["Name"].is_unique
        coarser = {4: 2, 6: 4}.get(level)
        for row in rows.itertuples():
            if coarser is None:
                continue
            parent = table[(table["Level"] == coarser) & (table["Topic"] == row.Parent)].iloc[0]
            assert set(row.Topics) <= set(parent["Topics"])
            assert row.Count <= parent["Count"]


def test_a_level_is_what_reducing_to_it_gives():
    reduced = apply(STATE, [hierarchy.reduction(STATE, 3)]).state
    rows = hierarchy.hierarchical_topics(STATE, [3])
    rows = rows[rows["Level"] == 3]
    assert tuple(rows["Topic"]) == reduced.topic_ids
    assert hierarchy.parents_at(STATE, 3) == {topic: row.Topic for row in rows.itertuples() for topic in row.Topics}


def test_the_most_similar_topics_are_merged_first():
    points = hierarchy.topic_points(STATE)
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 9 * np.eye(6)
    nearest = divmod(int(distances.argmin()), 6)
    assert hierarchy.merge_order(STATE)[0] == tuple(sorted(nearest))
    assert hierarchy.merge_order(STATE)[-1] == STATE.topic_ids
    assert hierarchy.groups_at(STATE, 6) == [(topic,) for topic in range(6)]
    assert hierarchy.groups_at(STATE, 1) == [STATE.topic_ids]


def test_the_tree_lists_every_topic_under_its_group():
    lines = hierarchy.topic_tree(STATE, [2]).splitlines()
    assert len(lines) == 2 + 6
    assert len([line for line in lines if line[0] not in "├└│ "]) == 2
    assert sum(int(line.rsplit("(", 1)[1][:-1]) for line in lines if line[0] in "├└") == len(STATE.theta)
    assert len(hierarchy.topic_tree(STATE, []).splitlines()) == 6


def test_levels_after_edits_use_numbers_of_topics():
    edited = apply(STATE, [edits.drop([0]), edits.split(STATE, 2), edits.rename({5: "five"})]).state
    table = hierarchy.hierarchical_topics(edited, [3])
    assert sorted(table[table["Level"] == 6]["Topic"]) == [1, 2, 3, 4, 5, 6]
    assert "five" in set(table["Name"])
    assert set(hierarchy.parents_at(edited, 3)) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("levels", [[0], [7], [2, -1]])
def test_levels_are_whole_numbers_of_topics(levels):
    with pytest.raises(InputError, match=r"level is .*; give a whole number from 1 to 6"):
        hierarchy.hierarchical_topics(STATE, levels)


@pytest.mark.parametrize(("n", "said"), [(6, "the model has 6 topics"), (0, "at least 1")])
def test_topics_are_reduced_to_fewer(n, said):
    with pytest.raises(InputError, match=said):
        hierarchy.reduction(STATE, n)
