import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gnn.encoder
from copenet.foundation.errors import ResourceError, UsageError
from gnn.encoder import BUNDLED_SHA256, Encoder, EncoderSettings, batches, check_weights

TEXTS = [
    "I made a list of the steps and will begin tomorrow.",
    "I wrote down what to do first and what comes next.",
    "The weather in the mountains is cold.",
    "short",
    "",
    "word " * 400,
]


def test_vectors_are_finite_unit_and_in_the_order_of_the_texts(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dim) == (6, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    assert (vectors * backwards).sum(axis=1).min() > 0.9999


def test_like_sentences_are_closer_than_unlike_ones(encoder: Encoder) -> None:
    first, second, other = encoder.encode(TEXTS[:3])
    assert first @ second > first @ other + 0.3


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_bfloat16_keeps_the_direction_of_float32() -> None:
    exact = Encoder(EncoderSettings(dtype="float32", threads=1)).encode(TEXTS)
    reduced = Encoder(EncoderSettings(dtype="bfloat16", threads=1)).encode(TEXTS)
    assert (exact * reduced).sum(axis=1).min() >= 0.999


def test_mean_pooling_ignores_padding_and_matches_the_definition() -> None:
    import torch

    encoder = Encoder(EncoderSettings(dtype="float32", threads=1))
    alone = encoder._tokenizer(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        hidden = encoder._model(**alone).last_hidden_state[0]
    mean = hidden.mean(dim=0).numpy()
    np.testing.assert_allclose(encoder.encode(TEXTS)[0], mean / np.linalg.norm(mean), atol=2e-6)


def test_one_and_two_threads_give_the_same_numbers(encoder: Encoder) -> None:
    two = Encoder(EncoderSettings(threads=2)).encode(TEXTS)
    np.testing.assert_array_equal(encoder.encode(TEXTS), two)


def test_many_batches_come_back_in_order(encoder: Encoder) -> None:
    texts = [f"{word} number {i}" for i, word in enumerate(["list", "train", "rain"] * 40)]
    small = Encoder(EncoderSettings(tokens_per_batch=128, threads=2)).encode(texts)
    assert (small * encoder.encode(texts)).sum(axis=1).min() > 0.9999


def test_torch_keeps_its_own_number_of_threads(encoder: Encoder) -> None:
    import torch

    before = torch.get_num_threads()
    encoder.encode(["anything"])
    assert torch.get_num_threads() == before


def test_texts_beyond_the_limit_are_cut(encoder: Encoder) -> None:
    short = Encoder(EncoderSettings(max_tokens=8, threads=1))
    same_start = ["one two three four five six seven eight nine", "one two three four five six seven and more"]
    a, b = short.encode(same_start)
    assert a @ b > 0.9999
    a, b = encoder.encode(same_start)
    assert a @ b < 0.99


@given(st.lists(st.integers(1, 64), max_size=60), st.integers(64, 300))
def test_batches_hold_each_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    made = list(batches(lengths, budget))
    assert sorted(int(i) for rows in made for i in rows) == list(range(len(lengths)))
    for rows in made:
        assert len(rows) * max(lengths[i] for i in rows) <= budget
    ends = [(min(lengths[i] for i in rows), max(lengths[i] for i in rows)) for rows in made]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ends))


def test_the_digest_follows_whatever_changes_a_vector_and_nothing_else(encoder: Encoder) -> None:
    assert encoder.digest == Encoder(EncoderSettings(threads=2, tokens_per_batch=999)).digest
    others = [EncoderSettings(max_tokens=64), EncoderSettings(dtype="float32"), EncoderSettings(dtype="bfloat16")]
    digests = {Encoder(settings).digest for settings in others}
    assert len(digests) == 3
    assert encoder.digest in digests  # auto is one of the two number types


@pytest.mark.parametrize(
    ("native", "dtype"), [(True, "bfloat16"), (False, "float32")], ids=["bf16 processor", "older processor"]
)
def test_auto_takes_bfloat16_only_where_it_is_native(native: bool, dtype: str, monkeypatch) -> None:
    monkeypatch.setattr(gnn.encoder, "native_bfloat16", lambda: native)
    assert Encoder().dtype == dtype


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_compute_in_float32(system: str, monkeypatch) -> None:
    monkeypatch.setattr(gnn.encoder.platform, "system", lambda: system)
    assert not gnn.encoder.native_bfloat16()


@pytest.mark.parametrize(
    "wrong",
    [{"dtype": "int8"}, {"max_tokens": 1}, {"max_tokens": 513}, {"tokens_per_batch": 10}, {"threads": 0}],
    ids=lambda w: next(iter(w)),
)
def test_wrong_settings_are_refused_with_a_way_out(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        EncoderSettings(**wrong)  # type: ignore[arg-type]
    assert caught.value.remedy


def test_the_pinned_digest_is_whole() -> None:
    assert len(BUNDLED_SHA256) == 64
    assert BUNDLED_SHA256.startswith("53aa5117")
    assert BUNDLED_SHA256.endswith("128d9db")


def test_other_weights_under_the_bundled_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(ResourceError, match="missing"):
        check_weights(path, BUNDLED_SHA256)
    path.write_bytes(b"something else")
    with pytest.raises(ResourceError, match="not the ones") as caught:
        check_weights(path, BUNDLED_SHA256)
    assert "force-reinstall" in caught.value.remedy


def test_the_bundled_folder_checks_the_weights(monkeypatch) -> None:
    monkeypatch.setattr(gnn.encoder, "BUNDLED_SHA256", "0" * 64)
    with pytest.raises(ResourceError, match="not the ones"):
        _ = Encoder().folder


def test_a_missing_package_is_a_missing_resource(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ResourceError, match="not installed"):
        _ = Encoder().folder


def test_a_model_that_is_nowhere_on_this_machine_is_said_so(tmp_path: Path) -> None:
    for name in (str(tmp_path / "absent"), "nobody/no-such-model"):
        with pytest.raises(ResourceError, match="neither a folder nor") as caught:
            Encoder(EncoderSettings(model=name)).encode(["x"])
        assert "bundled:" in caught.value.remedy


@pytest.fixture
def copied(encoder: Encoder, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(encoder.folder, folder)
    return folder


def test_any_folder_with_a_model_can_be_named(encoder: Encoder, copied: Path) -> None:
    own = Encoder(EncoderSettings(model=str(copied), threads=1))
    assert own.digest == encoder.digest, "the same files in another place are the same model"
    np.testing.assert_array_equal(own.encode(TEXTS[:2]), encoder.encode(TEXTS[:2]))


def test_a_model_without_safetensors_is_refused(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    encoder = Encoder(EncoderSettings(model=str(copied)))
    with pytest.raises(ResourceError, match="safetensors"):
        _ = encoder.digest
    with pytest.raises(ResourceError, match="cannot be loaded"):
        encoder.encode(["x"])


def test_a_model_folder_never_runs_code_of_its_own(copied: Path, tmp_path: Path, monkeypatch) -> None:
    marker = tmp_path / "ran"
    (copied / "own.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Own: pass\n")
    for name, key in (("config.json", "AutoModel"), ("tokenizer_config.json", "AutoTokenizer")):
        value: object = "own.Own" if key == "AutoModel" else ["own.Own", "own.Own"]
        config = json.loads((copied / name).read_text())
        config |= {"auto_map": {"AutoConfig": "own.Own", key: value}, "model_type": "its-own", "tokenizer_class": "Own"}
        (copied / name).write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: "y")  # as a person in a hurry would answer
    with pytest.raises(ResourceError, match="cannot be loaded"):
        Encoder(EncoderSettings(model=str(copied))).encode(["x"])
    assert not marker.exists()


def test_first_token_pooling_is_honoured_and_others_are_refused(copied: Path, encoder: Encoder) -> None:
    config = copied / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode_cls_token": True}))
    first = Encoder(EncoderSettings(model=str(copied), threads=1))
    assert first.digest != encoder.digest
    assert float(first.encode(TEXTS[:1])[0] @ encoder.encode(TEXTS[:1])[0]) < 0.999
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(ResourceError, match="pools in a way"):
        _ = Encoder(EncoderSettings(model=str(copied))).digest
