"""The behavioural simulator: its truth, its reproducibility, its texts and its dump."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import orjson
import pytest
import zstandard

from causal.designs import S7
from causal.designs.s7 import Forced
from causal.designs.s7_grammar import FILLER, STRATEGIES, Dice, phrasings, post_text, speak
from causal.designs.s7_world import MISSING, START
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

TINY = S7(people=16, periods=7, burn_in_periods=2, forums=2, effect=0.4)


@pytest.fixture(scope="module")
def world():
    return S7().simulate(seed=7)


@pytest.fixture(scope="module")
def dump(world, tmp_path_factory):
    return world.write(tmp_path_factory.mktemp("dump"))


def records(paths):
    """Every line of the dump that is JSON, and the number of those that are not."""
    good, broken = [], 0
    for path in paths:
        for line in zstandard.ZstdDecompressor().decompress(path.read_bytes()).splitlines():
            try:
                good.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                broken += 1
    return good, broken


def test_truth_equals_brute_force_on_a_tiny_world():
    world = TINY.simulate(seed=3)
    rows = world.rows
    contrasts = []
    for person, period in zip(*np.nonzero(rows.at_risk & (rows.n_peers > 0)), strict=True):
        outcomes = [
            TINY.simulate(3, forced=Forced(int(person), int(period), value)).rows.used[person, period + 1]
            for value in (True, False)
        ]
        contrasts.append(float(outcomes[0]) - float(outcomes[1]))
    truth = world.truth()
    assert len(contrasts) == truth["rows"] > 20
    assert truth["realised"] == pytest.approx(np.mean(contrasts), abs=1e-12)


def test_truth_is_near_the_planted_effect_and_zero_under_the_null(world):
    assert world.truth()["truth"] == pytest.approx(0.08, abs=0.002)
    null = S7(null=True).simulate(seed=7).truth()
    assert null["truth"] == null["realised"] == 0.0


def test_exposure_is_any_recorded_peer_of_the_lookback_who_used(world):
    """E and N recomputed with dictionaries from the posts alone."""
    posts, settings = world.posts, world.settings
    period = posts.time // (14 * 86_400)
    replies = {}
    for i, parent in enumerate(posts.parent.tolist()):
        if parent >= 0 and posts.author[i] >= 0 and posts.author[parent] >= 0:
            replies.setdefault((int(posts.author[parent]), int(period[i])), set()).add(int(posts.author[i]))
    users = {(int(a), int(p)) for a, p, u in zip(posts.author, period, posts.uses, strict=True) if u and a >= 0}
    for t in (5, 11):
        for person in range(0, settings.people, 7):
            peers = set().union(*(replies.get((person, s), set()) for s in range(t - settings.lookback_periods, t)))
            assert world.rows.n_peers[person, t] == len(peers)
            assert world.rows.exposed[person, t] == any((peer, t) in users for peer in peers)
            assert world.rows.used[person, t] == ((person, t) in users)


def test_naive_is_strongly_confounded_with_and_without_an_effect():
    for null, low in ((False, 0.16), (True, 0.08)):
        rows = S7(null=null).simulate(seed=11).rows
        person, period = np.nonzero(rows.at_risk & (rows.n_peers > 0))
        exposed, outcome = rows.exposed[person, period], rows.used[person, period + 1]
        assert outcome[exposed].mean() - outcome[~exposed].mean() > low


def test_positivity_holds_at_every_level_of_the_trait_and_of_activity(world):
    rows, people = world.rows, world.people
    person, period = np.nonzero(rows.at_risk & (rows.n_peers > 0))
    exposed = rows.exposed[person, period]
    active = people.activity[person] > np.median(people.activity[person])
    for level in range(4):
        for half in (active, ~active):
            assert 0.05 < exposed[(people.trait[person] == level) & half].mean() < 0.95


def test_shape_of_the_default_world(world):
    posts = world.posts
    replies = posts.parent != -1
    assert 5_500 < len(posts.author) < 6_800
    assert np.mean(posts.author < 0) == pytest.approx(0.038, abs=0.008)
    assert np.mean(posts.parent[replies] != MISSING) == pytest.approx(0.914, abs=0.015)
    assert np.all(np.diff(posts.time) >= 0)
    assert np.all(posts.time[posts.parent[posts.parent >= 0]] <= posts.time[posts.parent >= 0])
    assert len(set((posts.time // 86_400).tolist())) == 180
    assert (START - 4 * 86_400) % (14 * 86_400) == 0


def test_a_reply_is_in_the_thread_and_forum_of_its_parent_and_never_to_oneself(world):
    posts = world.posts
    child = np.flatnonzero(posts.parent >= 0)
    parent = posts.parent[child]
    assert np.array_equal(posts.thread[child], posts.thread[parent])
    assert np.array_equal(posts.forum[child], posts.forum[parent])
    assert not np.any((posts.author[child] == posts.author[parent]) & (posts.author[child] >= 0))


def test_same_seed_same_world_another_seed_another():
    one, two, other = (S7(people=50, periods=7).simulate(seed) for seed in (1, 1, 2))
    assert one.texts == two.texts
    assert np.array_equal(one.posts.time, two.posts.time)
    assert one.texts != other.texts


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path):
    code = (
        "import sys; from pathlib import Path; from causal.designs import S7;"
        "[print(p.name) for p in S7(people=40, periods=7).simulate(5).write(Path(sys.argv[1]))]"
    )
    digests = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", code, str(folder)], check=True, env=os.environ | {"PYTHONHASHSEED": hash_seed}
        )
        digests.append({p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()})
    assert digests[0] == digests[1]


def test_settings_that_make_no_world_are_refused():
    for wrong in ({"people": 1}, {"periods": 4}, {"trait_rates": (0.1, 0.2)}, {"trait_rates": (0.1, 0.2, 0.3, 0.95)}):
        with pytest.raises(UsageError):
            S7(**wrong)


def test_every_strategy_has_many_phrasings_and_appears(world):
    assert len(STRATEGIES) == 14
    assert all(phrasings(patterns) >= 20 for patterns in STRATEGIES.values())
    assert phrasings(STRATEGIES["positive_reframing"]) > 200
    assert all(world.strategies.sum(axis=0) > 100)
    assert len(set(world.texts)) > 0.99 * len(world.texts)


def test_taxonomy_matches_the_labellers():
    gnn = pytest.importorskip("gnn")
    if not hasattr(gnn, "STRATEGIES"):
        pytest.skip("the labeller's taxonomy is not there")
    assert {strategy.id for strategy in gnn.STRATEGIES} == set(STRATEGIES)


def test_patterns_are_well_formed():
    dice = Dice(generator(0, "test"))
    for patterns in (*STRATEGIES.values(), *FILLER.values()):
        for pattern in patterns:
            sentence = speak(pattern, dice)
            assert not set("[]|{}") & set(sentence)
            assert sentence[-1] in ".?!"


def test_a_text_says_its_topic_and_its_strategies():
    dice = Dice(generator(1, "test"))
    text = post_text(0, ["humor"], 1.0, dice)
    assert any(word in text for word in ("thesis", "exam", "paper", "notes", "lectur", "Lectures", "term", "essay"))
    assert any(word in text.lower() for word in ("haha", "lol"))


def test_the_dump_reads_back_as_the_world(world, dump):
    good, broken = records(dump)
    assert broken == 41
    people = [r for r in good if r["author"] != "AutoModerator"]
    assert len(people) == len(world.posts.author)
    assert sum(r["author"] == "[deleted]" for r in people) == int((world.posts.author < 0).sum())
    assert sum("selftext" in r for r in people) == int((world.posts.parent == -1).sum())
    assert any(r["author"] == "AutoModerator" for r in good)
    assert all(name.name[:3] in ("RS_", "RC_") and name.suffix == ".zst" for name in dump)
    ids = {("t3_" if "selftext" in r else "t1_") + r["id"] for r in good}
    assert len(ids) == len(good)
    found = np.mean([r["parent_id"] in ids for r in people if "parent_id" in r])
    assert found == pytest.approx(0.914, abs=0.015)


def test_the_dump_holds_mentions_and_addresses(world, dump):
    text = " ".join(r.get("body", r.get("selftext")) for r in records(dump)[0])
    assert " u/" in text
    assert " /u/" in text
    assert "@example" in text


def test_ids_of_tables_gold_and_dump_agree(world, dump):
    good, _ = records(dump)
    ids = {"reddit:" + ("t3_" if "selftext" in r else "t1_") + r["id"] for r in good}
    messages, labels = world.tables()
    assert set(messages["message_id"].to_pylist()) <= ids
    gold = list(world.gold(50, seed=1))
    assert len(gold) == 50 * 14
    assert {row["message_id"] for row in gold} <= ids
    assert {row["label"] for row in gold} == {0, 1}
    assert gold[0]["sampling_probability"] == pytest.approx(50 / len(world.posts.author))
    planted = dict(zip(labels["message_id"].to_pylist(), labels["probability"].to_pylist(), strict=True))
    assert all(planted[r["message_id"]] == r["label"] for r in gold if r["strategy"] == "positive_reframing")


def test_the_truth_is_saved_apart(world, tmp_path):
    path = world.save_truth(tmp_path / "truth.json")
    assert orjson.loads(path.read_bytes())["truth"] == world.truth()["truth"]


def test_topics_and_strategies_can_be_told_from_the_words(world):
    """A bag-of-words line learns the planted strategy and the trait: what the demo's labeller and covariates need."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2)).fit_transform(world.texts)
    half = len(world.texts) // 2
    for target, aim in ((world.posts.uses, 0.97), (world.posts.level, 0.93)):
        model = LogisticRegression(C=30.0, max_iter=300).fit(words[:half], target[:half])
        guess = model.predict(words[half:])
        for value in np.unique(target):
            assert np.mean(guess[target[half:] == value] == value) > aim
