from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from copenet.foundation.errors import DefectError, InputError, ResourceError
from gnn.evaluation import evaluate
from gnn.labeller import Labeller, LabellerSettings, gold_sample, label, labels_table, train_labeller
from gnn.schema import LABELS
from gnn.strategies import STRATEGY_IDS

SMALL = LabellerSettings(n_columns=2**10, grid=(1.0, 10.0))
PLANNING, HUMOR, DENIAL = (STRATEGY_IDS.index(name) for name in ("planning", "humor", "denial"))
FILLER = ("the train was late", "we had soup", "rain again", "my notes are blue", "the library closed", "a long walk")


class World:
    """Messages in which planning is told by words, humour by the embedding, and denial is too rare to learn."""

    def __init__(self, seed: int, n: int = 300) -> None:
        rng = np.random.default_rng(seed)
        self.ids = [f"r:{i}" for i in range(n)]
        self.authors = [f"a{k}" for k in rng.integers(n // 3, size=n)]
        self.truth = np.full((n, 14), np.nan)
        self.truth[:, PLANNING], self.truth[:, HUMOR] = rng.random((2, n)) < 0.3
        self.truth[:, DENIAL] = np.arange(n) < 4
        self.texts = [
            " ".join(rng.choice(FILLER, 3)) + (" so I made a list" if planned else "")
            for planned in self.truth[:, PLANNING]
        ]
        self.embeddings = (rng.normal(size=(n, 8)) * 0.3).astype(np.float32)
        self.embeddings[:, 0] += self.truth[:, HUMOR] * 2
        self.gold = labels_table(self.ids, self.truth, "gold")


@pytest.fixture(scope="module")
def world() -> World:
    return World(0)


@pytest.fixture(scope="module")
def labeller(world: World) -> Labeller:
    return train_labeller(
        world.gold, world.ids, world.texts, world.embeddings, groups=world.authors, settings=SMALL, seed=3
    )


def test_it_learns_from_words_and_from_the_embedding(labeller: Labeller) -> None:
    fresh = World(1)
    probability = labeller.predict(fresh.texts, fresh.embeddings)
    for k in (PLANNING, HUMOR):
        shown = probability[:, k] >= labeller.thresholds[STRATEGY_IDS[k]]
        assert np.mean(shown == (fresh.truth[:, k] == 1)) > 0.97


def test_too_rare_strategies_are_said_to_be_untrained_not_guessed(labeller: Labeller, world: World) -> None:
    assert labeller.not_trainable["denial"] == "4 positive and 296 negative gold labels; 10 of each are needed"
    assert set(labeller.not_trainable) == set(STRATEGY_IDS) - {"planning", "humor"}
    probability = labeller.predict(world.texts[:2], world.embeddings[:2])
    assert np.isnan(probability[:, DENIAL]).all()
    table = label(labeller, world.ids, world.texts, world.embeddings)
    assert set(table.column("strategy").to_pylist()) == {"planning", "humor"}


def test_labels_are_a_table_with_the_models_digest(labeller: Labeller, world: World) -> None:
    table = label(labeller, world.ids[:3], world.texts[:3], world.embeddings[:3])
    assert table.schema == LABELS
    assert table.num_rows == 6
    assert set(table.column("labelled_by").to_pylist()) == {f"model:{labeller.digest[:16]}"}
    expected = labeller.predict(world.texts[:3], world.embeddings[:3])[:, [PLANNING, HUMOR]]
    by_message = {(r["message_id"], r["strategy"]): r["probability"] for r in table.to_pylist()}
    for row, identifier in enumerate(world.ids[:3]):
        # columns in the order of STRATEGY_IDS: planning comes before humor
        assert by_message[identifier, "planning"] == expected[row, 0]
        assert by_message[identifier, "humor"] == expected[row, 1]


def test_a_label_depends_on_its_own_message_alone(labeller: Labeller, world: World) -> None:
    """Shuffled parents: whatever stands around a message, its label is the same."""
    together = labeller.predict(world.texts, world.embeddings)
    order = np.random.default_rng(0).permutation(len(world.texts))
    shuffled = labeller.predict([world.texts[i] for i in order], world.embeddings[order])
    np.testing.assert_allclose(shuffled, together[order], atol=1e-6)
    for i in (0, 17, 123):
        alone = labeller.predict([world.texts[i]], world.embeddings[[i]])[0]
        np.testing.assert_allclose(alone, together[i], atol=1e-6)


def test_a_quoted_parent_changes_nothing(labeller: Labeller, world: World) -> None:
    parent = "so I made a list\nso I made a list"
    quoting = [
        f"> {line}\n\n{text}" for line, text in zip([parent.split("\n", maxsplit=1)[0]] * 20, world.texts, strict=False)
    ]
    np.testing.assert_array_equal(
        labeller.predict(quoting, world.embeddings[:20]), labeller.predict(world.texts[:20], world.embeddings[:20])
    )


def test_nothing_about_the_thread_can_be_given() -> None:
    assert list(inspect.signature(Labeller.predict).parameters) == ["self", "texts", "embeddings"]
    assert list(inspect.signature(label).parameters) == ["labeller", "message_ids", "texts", "embeddings"]


def test_a_seed_decides_everything_and_row_order_nothing_much(labeller: Labeller, world: World) -> None:
    again = train_labeller(
        world.gold, world.ids, world.texts, world.embeddings, groups=world.authors, settings=SMALL, seed=3
    )
    assert again.digest == labeller.digest
    extra = ["r:unlabelled", *world.ids]
    more = train_labeller(
        world.gold,
        extra,
        ["so I made a list", *world.texts],
        np.vstack([world.embeddings[:1], world.embeddings]),
        groups=["a0", *world.authors],
        settings=SMALL,
        seed=3,
    )
    assert more.digest == labeller.digest, "messages without gold labels are not trained on"


def test_saved_and_loaded_it_predicts_the_same(labeller: Labeller, world: World, tmp_path: Path) -> None:
    labeller.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"labeller.json", "labeller.safetensors"}
    again = Labeller.load(tmp_path)
    assert again.digest == labeller.digest
    assert again.settings == SMALL
    assert again.not_trainable == labeller.not_trainable
    np.testing.assert_array_equal(
        again.predict(world.texts, world.embeddings), labeller.predict(world.texts, world.embeddings)
    )


def test_a_saved_model_holds_no_words_of_its_training_texts(labeller: Labeller, tmp_path: Path) -> None:
    labeller.save(tmp_path)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert not any(word in data for word in (b"library", b"soup", b"train was"))


def test_files_that_do_not_belong_together_are_refused(labeller: Labeller, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot be read") as caught:
        Labeller.load(tmp_path)
    assert "copenet text train" in caught.value.remedy
    labeller.save(tmp_path)
    described = json.loads((tmp_path / "labeller.json").read_text())
    described["thresholds"]["planning"] = 0.123
    (tmp_path / "labeller.json").write_text(json.dumps(described))
    with pytest.raises(ResourceError, match="do not belong together"):
        Labeller.load(tmp_path)
    (tmp_path / "labeller.json").write_text("{}")
    with pytest.raises(ResourceError, match="cannot be read"):
        Labeller.load(tmp_path)


def test_embeddings_of_other_messages_or_another_encoder_are_refused(labeller: Labeller, world: World) -> None:
    with pytest.raises(DefectError, match="shape"):
        labeller.predict(world.texts[:3], world.embeddings[:2])
    with pytest.raises(DefectError, match="shape"):
        labeller.predict(world.texts[:3], world.embeddings[:3, :4])


def test_no_texts_give_no_labels(labeller: Labeller, world: World) -> None:
    assert labeller.predict([], world.embeddings[:0]).shape == (0, 14)
    assert label(labeller, [], [], world.embeddings[:0]).num_rows == 0


def test_gold_without_enough_positives_of_anything_is_refused_with_a_way_out(world: World) -> None:
    rare = world.gold.filter(pa.compute.equal(world.gold.column("strategy"), "denial"))
    with pytest.raises(InputError, match="no strategy with at least 10") as caught:
        train_labeller(rare, world.ids, world.texts, world.embeddings, settings=SMALL)
    assert "codebook" in caught.value.remedy


def test_a_gold_sample_holds_the_judged_messages_and_their_groups(world: World) -> None:
    some = world.gold.filter(pa.compute.is_in(world.gold.column("message_id"), pa.array(["r:5", "r:2"])))
    sample = gold_sample(some, world.ids, world.texts, world.embeddings, world.authors)
    assert sample.texts == [world.texts[2], world.texts[5]]
    np.testing.assert_array_equal(sample.truth, world.truth[[2, 5]])
    assert len(set(sample.groups)) == len({world.authors[2], world.authors[5]})


class TestEvaluate:
    @pytest.fixture(scope="class")
    def judged(self, world: World) -> dict:
        return evaluate(
            world.gold, world.ids, world.texts, world.embeddings, groups=world.authors, settings=SMALL, folds=4, seed=1
        )

    def test_it_has_the_documented_keys(self, judged: dict) -> None:
        assert judged["labels_validated"] is True
        (model,) = judged["models"]
        assert {"model", "macro_f1", "ci_low", "ci_high", "ece", "seconds", "per_strategy"} <= set(model)
        assert [entry["strategy"] for entry in model["per_strategy"]] == list(STRATEGY_IDS)

    def test_an_easy_world_is_judged_easy(self, judged: dict) -> None:
        model = judged["models"][0]
        assert 0.95 < model["ci_low"] <= model["macro_f1"] <= model["ci_high"] <= 1
        assert model["ece"] < 0.05
        assert model["n_strategies"] == 2

    def test_counts_and_rates_are_given_for_each_trained_strategy(self, judged: dict, world: World) -> None:
        entry = judged["models"][0]["per_strategy"][PLANNING]
        assert entry["trainable"]
        assert sum(entry["counts"].values()) == len(world.ids)
        assert entry["counts"]["tp"] + entry["counts"]["fn"] == entry["positives"] == np.sum(world.truth[:, PLANNING])
        assert entry["sensitivity"] == entry["recall"]

    def test_untrained_strategies_are_said_aloud(self, judged: dict) -> None:
        entry = judged["models"][0]["per_strategy"][DENIAL]
        assert entry == {
            "strategy": "denial",
            "positives": 4,
            "negatives": 296,
            "trainable": False,
            "reason": "4 positive and 296 negative gold labels; 10 of each are needed",
        }

    def test_pure_noise_is_judged_useless(self, world: World) -> None:
        rng = np.random.default_rng(5)
        noise = np.full((300, 14), np.nan)
        noise[:, PLANNING] = rng.random(300) < 0.3
        gold = labels_table(world.ids, noise, "gold")
        words = [" ".join(rng.choice(FILLER, 3)) for _ in world.ids]
        vectors = rng.normal(size=(300, 8)).astype(np.float32)
        model = evaluate(gold, world.ids, words, vectors, groups=world.authors, settings=SMALL, seed=1)["models"][0]
        assert model["macro_f1"] < 0.55
        entry = model["per_strategy"][PLANNING]
        assert abs(entry["sensitivity"] + entry["specificity"] - 1) < 0.15

    def test_what_an_author_always_writes_does_not_help_on_others(self) -> None:
        """A signature word per author tells the label inside the author only: author-disjoint parts must not see it."""
        rng = np.random.default_rng(2)
        authors = np.repeat(np.arange(40), 6)
        shows = (np.random.default_rng(3).permutation(40) % 2)[authors]
        truth = np.full((240, 14), np.nan)
        truth[:, PLANNING] = shows
        ids = [f"r:{i}" for i in range(240)]
        texts = [f"signature{a} {rng.choice(FILLER)}" for a in authors]
        vectors = (rng.normal(size=(240, 4)) * 0.01).astype(np.float32)
        gold = labels_table(ids, truth, "gold")
        apart = evaluate(gold, ids, texts, vectors, groups=[f"a{a}" for a in authors], settings=SMALL, seed=0)
        mixed = evaluate(gold, ids, texts, vectors, groups=ids, settings=SMALL, seed=0)
        rates = [j["models"][0]["per_strategy"][PLANNING] for j in (apart, mixed)]
        informedness = [r["sensitivity"] + r["specificity"] - 1 for r in rates]
        assert informedness[0] < 0.3
        assert informedness[1] > 0.9

    def test_too_few_people_to_judge(self, world: World) -> None:
        with pytest.raises(InputError, match="fewer than 5 authors"):
            evaluate(world.gold, world.ids, world.texts, world.embeddings, groups=["a"] * 300, settings=SMALL)

    def judge(self, world: World, positives: int, groups: list[str]) -> dict:
        truth = np.full((300, 14), np.nan)
        truth[:, PLANNING] = np.arange(300) < positives
        truth[:, HUMOR] = np.arange(300) % 2
        gold = labels_table(world.ids, truth, "gold")
        judged = evaluate(gold, world.ids, world.texts, world.embeddings, groups=groups, settings=SMALL)
        return judged["models"][0]["per_strategy"][PLANNING]

    @pytest.mark.parametrize(("positives", "enough"), [(9, False), (10, True), (13, True)])
    def test_what_is_enough_to_train_on_is_enough_to_judge(self, world: World, positives: int, enough: bool) -> None:
        entry = self.judge(world, positives, world.ids)
        assert entry["trainable"] is enough
        assert enough == ("sensitivity" in entry)
        assert enough or entry["reason"] == "9 positive and 291 negative gold labels; 10 of each are needed"

    def test_positives_of_one_person_alone_cannot_be_judged(self, world: World) -> None:
        entry = self.judge(world, 12, ["one"] * 12 + world.ids[12:])
        assert entry["trainable"] is False
        assert entry["reason"] == "all its positive or negative labels are of too few people"

    def test_nothing_is_trained_where_nothing_can_be_judged(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        truth = np.full((300, 14), np.nan)
        truth[:, PLANNING] = np.arange(300) < 9
        gold = labels_table(world.ids, truth, "gold")
        monkeypatch.setattr("gnn.evaluation.fit", lambda *_: pytest.fail("trained"))
        with pytest.raises(InputError, match="each needs 10 positive and 10 negative gold labels") as caught:
            evaluate(gold, world.ids, world.texts, world.embeddings, groups=world.ids, settings=SMALL)
        assert "empty text.gold" in caught.value.remedy
