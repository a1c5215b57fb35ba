"""Data sets: what is promised about shapes, splits, standardization and the shapes in the plane."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import datasets as sklearn_datasets

from leafscope.core.config import DataConfig
from leafscope.core.datasets import DATA_SETS, DataShape, load, shape
from leafscope.core.datasets.dataset import mean_and_scale
from leafscope.core.datasets.splits import stratified_order
from leafscope.core.datasets.tables import read_table
from leafscope.core.datasets.variants.tree_teacher import teacher, teacher_labels
from leafscope.core.errors import DataError
from tests.plugin import run_python

OF_SCIKIT_LEARN = ["digits", "breast_cancer", "wine", "iris"]
TABLES = [*OF_SCIKIT_LEARN, "diamonds"]
GENERATORS = [name for name, data_set in DATA_SETS.items() if data_set.is_generator]
CONFIGS = [
    *(DataConfig(name=name) for name in DATA_SETS),
    DataConfig(name="digits", n_train=10),
    DataConfig(name="breast_cancer", test_fraction=0.01, validation_fraction=0.9),
    DataConfig(name="moons", n_samples=21, noise=0),
    DataConfig(name="tree_teacher", n_samples=999, n_features=1, n_classes=2, teacher_depth=0, noise=0.5),
    DataConfig(name="tree_teacher", n_samples=2000, n_features=7, n_classes=5, teacher_depth=12, n_train=50),
]


def ids(config: DataConfig) -> str:
    return " ".join(f"{key}={value}" for key, value in config.model_dump(exclude_defaults=True).items())


class TestEveryDataSet:
    @pytest.fixture(params=CONFIGS, ids=ids, scope="class")
    def dataset(self, request):
        return load(request.param, seed=3)

    def test_has_the_shape_that_was_announced(self, dataset):
        assert shape(dataset.config) == DataShape(
            n_rows=len(dataset.raw),
            n_train=len(dataset.train.y),
            n_validation=len(dataset.validation.y),
            n_test=len(dataset.test.y),
            n_features=dataset.raw.shape[1],
            n_classes=len(np.unique(dataset.labels)),
        )
        assert len(dataset.labels) == len(dataset.raw)
        assert (dataset.n_features, dataset.n_classes) == (len(dataset.feature_names), len(dataset.class_names))
        assert (dataset.n_features, dataset.n_classes) == (dataset.raw.shape[1], dataset.labels.max() + 1)

    def test_splits_are_rows_of_the_whole(self, dataset):
        assert list(dataset.splits) == ["train", "validation", "test"]
        for split in dataset.splits.values():
            assert (np.diff(split.index) > 0).all()
            assert (split.y == dataset.labels[split.index]).all()
            np.testing.assert_array_equal(split.x, dataset.standardize(dataset.raw[split.index]))
            raw = split.x * dataset.scale + dataset.mean
            np.testing.assert_allclose(raw, dataset.raw[split.index], rtol=1e-5, atol=1e-4 * dataset.scale.max())

    def test_splits_do_not_overlap(self, dataset):
        index = np.concatenate([split.index for split in dataset.splits.values()])
        assert len(np.unique(index)) == len(index)
        if dataset.config.n_train is None:
            assert len(index) == len(dataset.raw)

    def test_every_class_is_trained_on(self, dataset):
        assert len(np.unique(dataset.train.y)) == dataset.n_classes

    def test_is_standardized_on_the_training_rows(self, dataset):
        x = dataset.train.x.astype(np.float64)
        varies = np.ptp(dataset.raw[dataset.train.index], axis=0) > 0
        np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(x.std(0), varies, atol=1e-5)
        assert (dataset.scale[~varies] == 1).all()
        assert (x[:, ~varies] == 0).all()

    def test_types_and_layout(self, dataset):
        assert (dataset.raw.dtype, dataset.labels.dtype) == (np.float64, np.int64)
        for split in dataset.splits.values():
            assert (split.x.dtype, split.y.dtype, split.index.dtype) == (np.float32, np.int64, np.int64)
            assert split.x.flags.c_contiguous

    def test_is_read_only(self, dataset):
        shared = [dataset.raw, dataset.labels, dataset.mean, dataset.scale]
        shared += [array for split in dataset.splits.values() for array in (split.x, split.y, split.index)]
        assert not any(array.flags.writeable for array in shared)


class TestSeeds:
    @pytest.mark.parametrize("name", DATA_SETS)
    def test_the_same_seed_gives_the_same(self, name):
        first = load(DataConfig(name=name), 5)
        load.cache_clear()
        again = load(DataConfig(name=name), 5)
        assert first is not again
        np.testing.assert_array_equal(first.raw, again.raw)
        for split in first.splits:
            np.testing.assert_array_equal(first.splits[split].index, again.splits[split].index)
            np.testing.assert_array_equal(first.splits[split].x, again.splits[split].x)

    @pytest.mark.parametrize("name", TABLES)
    def test_tables_are_split_anew(self, name):
        one, other = (load(DataConfig(name=name), seed) for seed in (0, 1))
        np.testing.assert_array_equal(one.raw, other.raw)
        assert all((one.splits[split].index != other.splits[split].index).any() for split in one.splits)

    @pytest.mark.parametrize("name", GENERATORS)
    def test_generators_draw_anew(self, name):
        one, other = (load(DataConfig(name=name), seed) for seed in (0, 1))
        assert not np.isclose(one.raw, other.raw).all(axis=1).any()

    def test_is_loaded_once(self):
        assert load(DataConfig(name="wine"), 0) is load(DataConfig(name="wine"), 0)

    def test_largest_seed(self):
        assert load(DataConfig(name="xor"), 2**31 - 1).n_classes == 2


class TestSplits:
    def test_fractions_are_of_all_rows(self):
        assert shape(DataConfig(name="wine", test_fraction=0.5, validation_fraction=0.25)) == DataShape(178, 45, 44, 89, 13, 3)

    @pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine"])
    def test_are_stratified(self, name):
        dataset = load(DataConfig(name=name), 0)
        counts = np.bincount(dataset.labels)
        for split in dataset.splits.values():
            expected = counts * len(split.y) / len(dataset.labels)
            assert abs(np.bincount(split.y) - expected).max() <= 1.5

    @pytest.mark.parametrize("n_train", [10, 11, 300, 987, 988])
    def test_validation_and_test_do_not_depend_on_n_train(self, n_train):
        everything, some = load(DataConfig(name="digits"), 0), load(DataConfig(name="digits", n_train=n_train), 0)
        assert len(some.train.y) == n_train
        assert set(some.train.index) <= set(everything.train.index)
        for split in ("validation", "test"):
            np.testing.assert_array_equal(some.splits[split].index, everything.splits[split].index)

    def test_training_rows_are_nested(self):
        few, more = (load(DataConfig(name="digits", n_train=n), 0).train.index for n in (100, 200))
        assert set(few) < set(more)

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 99))
    def test_every_beginning_is_stratified(self, classes, seed):
        labels = np.array(classes)
        order = stratified_order(labels, np.random.default_rng(seed))
        assert sorted(order) == list(range(len(labels)))
        present = np.unique(labels)
        assert sorted(labels[order[: len(present)]]) == present.tolist()
        for kept in range(len(present), len(labels) + 1):
            counts = np.bincount(labels[order[:kept]], minlength=5)
            # a class is off by less than the rows that the others were given in advance
            assert abs(counts - kept * np.bincount(labels, minlength=5) / len(labels)).max() < len(present)

    def test_which_rows_are_kept_is_drawn(self):
        labels = np.repeat([0, 1], 50)
        firsts = {stratified_order(labels, np.random.default_rng(seed))[0] for seed in range(30)}
        assert len(firsts) > 10
        assert {labels[first] for first in firsts} == {0, 1}

    def test_n_train_is_more_than_is_left(self):
        config = DataConfig(name="iris", n_train=84)
        sentence = "n_train must be at most 83 for iris, the rows not in the other splits, got 84"
        with pytest.raises(DataError, match=sentence):
            load(config, 0)
        with pytest.raises(DataError, match=sentence):
            shape(config)

    @pytest.mark.parametrize(
        ("name", "options", "sentence"),
        [
            ("digits", {"n_train": 9}, r"the training split of digits must have at least .* classes \(10\), got 9"),
            ("iris", {"test_fraction": 0.01}, r"the test split of iris must have at least .* classes \(3\), got 2"),
            ("iris", {"validation_fraction": 0.01}, r"the validation split of iris must have at least .* classes \(3\), got 2"),
        ],
    )
    def test_fewer_rows_than_classes(self, name, options, sentence):
        for ask in (shape, lambda config: load(config, 0)):
            with pytest.raises(DataError, match=sentence):
                ask(DataConfig(name=name, **options))

    @pytest.mark.parametrize("name", ["iris", "xor", "tree_teacher"])
    def test_a_share_of_0_is_no_row(self, name):
        whole = load(DataConfig(name=name), 1)
        for shares in (("test_fraction",), ("validation_fraction",), ("test_fraction", "validation_fraction")):
            config = DataConfig(name=name, **dict.fromkeys(shares, 0.0))
            dataset, size = load(config, 1), shape(config)
            left_out = {share.removesuffix("_fraction") for share in shares}
            assert [len(split.index) == 0 for split in dataset.splits.values()] == [
                split in left_out for split in dataset.splits
            ]
            assert [len(split.index) for split in dataset.splits.values()] == [size.n_train, size.n_validation, size.n_test]
            together = np.concatenate([split.index for split in dataset.splits.values()])
            assert sorted(together.tolist()) == list(range(size.n_rows))
            if "test" not in left_out:
                np.testing.assert_array_equal(dataset.test.index, whole.test.index)
            else:
                assert dataset.chance_on("test") == {}
                assert dataset.majority_accuracy == np.bincount(dataset.train.y).max() / len(dataset.train.y)

    def test_class_with_too_few_rows(self):
        # on a line, only the largest and the smallest of three slopes ever win
        config = DataConfig(name="tree_teacher", n_features=1, n_classes=3, teacher_depth=0, noise=0.0)
        with pytest.raises(DataError, match=r"class '\d' has only 0 of 4000; more rows, fewer classes or another seed"):
            load(config, 0)

    def test_rare_classes_are_split_or_refused_in_a_sentence(self):
        loaded = 0
        for seed in range(40):
            try:
                dataset = load(DataConfig(name="tree_teacher", n_samples=60, n_features=2, n_classes=6), seed)
            except DataError as error:
                assert "every class must have enough rows for all three splits, but class" in str(error)  # noqa: PT017
            else:
                loaded += 1
                assert len(np.unique(dataset.train.y)) == 6
        assert 0 < loaded < 40


class TestStandardization:
    def test_by_hand(self):
        mean, scale = mean_and_scale(np.array([[1.0, 5.0], [3.0, 5.0]]))
        assert (mean.tolist(), scale.tolist()) == ([2.0, 5.0], [1.0, 1.0])

    @given(arrays(np.float64, (5, 2), elements=st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6))
    def test_constant_columns_become_exactly_0(self, x, constant):
        x[:, 0] = constant
        mean, scale = mean_and_scale(x)
        assert (x[:, 0] - mean[0] == 0).all()
        assert scale[0] == 1
        assert np.isfinite((x - mean) / scale).all()

    def test_of_a_grid(self):
        dataset = load(DataConfig(name="moons"), 0)
        grid = np.zeros((3, 4, 2))
        assert dataset.standardize(grid).shape == (3, 4, 2)
        np.testing.assert_allclose(dataset.standardize(dataset.mean + 2 * dataset.scale), 2, rtol=1e-6)

    @pytest.mark.parametrize("x", [np.zeros((4, 3)), 1.0])
    def test_wrong_number_of_features(self, x):
        with pytest.raises(ValueError, match="x must have 2 features in its last dimension"):
            load(DataConfig(name="moons"), 0).standardize(x)


class TestInfo:
    def test_every_data_set_in_order(self):
        ours = [*TABLES, "moons", "circles", "spirals", "checkerboard", "xor", "tree_teacher"]
        assert [name for name in DATA_SETS if name in ours] == ours
        assert all(data_set.name == name for name, data_set in DATA_SETS.items())

    @pytest.mark.parametrize("name", DATA_SETS)
    def test_numbers_are_those_of_the_default(self, name):
        data_set, dataset = DATA_SETS[name], load(DataConfig(name=name), 0)
        assert dataset.info is data_set
        n_rows, n_features, n_classes = data_set.sizes()
        assert (n_rows, n_features) == dataset.raw.shape
        assert n_classes == dataset.n_classes
        assert data_set.image_shape is None or np.prod(data_set.image_shape) == n_features
        assert not data_set.is_plane or n_features == 2
        assert data_set.is_generator == (data_set.option("n_samples") is not None)

    def test_planes(self):
        planes = {name for name, data_set in DATA_SETS.items() if data_set.is_plane}
        assert planes >= {"moons", "circles", "spirals", "checkerboard", "xor"}
        assert planes.isdisjoint([*TABLES, "tree_teacher"])

    def test_nothing_waits_for_scikit_learn(self):
        code = """
from leafscope.core.config import DataConfig
from leafscope.core.datasets import DATA_SETS, shape
sizes = [shape(DataConfig(name=name)) for name in DATA_SETS]
print(len(sizes), "sklearn" in sys.modules)
"""
        assert run_python(code).stdout.split() == [str(len(DATA_SETS)), "False"]


class TestTables:
    @pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
    def test_are_those_of_scikit_learn(self, name):
        x, y = getattr(sklearn_datasets, f"load_{name}")(return_X_y=True)
        dataset = load(DataConfig(name=name), 0)
        np.testing.assert_array_equal(dataset.raw, x)
        np.testing.assert_array_equal(dataset.labels, y)

    def test_names(self):
        assert load(DataConfig(name="iris"), 0).class_names == ("setosa", "versicolor", "virginica")
        assert load(DataConfig(name="wine"), 0).class_names == ("cultivar 1", "cultivar 2", "cultivar 3")
        assert load(DataConfig(name="digits"), 0).class_names == tuple("0123456789")
        assert load(DataConfig(name="breast_cancer"), 0).feature_names[0] == "mean radius"

    def test_diamonds(self):
        # compared once with plotnine's table, in which no other row has a side of 0 or above 30 mm
        x, y, feature_names, class_names, *_ = DATA_SETS["diamonds"].rows({}, 0)
        assert class_names == ("Fair", "Good", "Very Good", "Premium", "Ideal")
        assert np.bincount(y).tolist() == [1609, 4902, 12080, 13779, 21547]
        assert dict(zip(feature_names, x[0].tolist(), strict=True)) == {
            "carat": 0.23, "color": 5, "clarity": 1, "depth (%)": 61.5, "table (%)": 55, "price ($)": 326,
            "length (mm)": 3.95, "width (mm)": 3.98, "height (mm)": 2.43,
        }  # fmt: skip
        content = hashlib.sha256(np.column_stack([x, y]).astype("<f8").tobytes()).hexdigest()
        assert content == "e84a1b01e841e977a728779b30be61e180e502810a8073dc2f9bc90f33c73b87"

    @pytest.mark.parametrize("name", ["iris", "diamonds"])
    def test_an_unknown_class_is_refused(self, name):
        with pytest.raises(ValueError, match=f"a class of {name} must be one of Fair, virginica, got (Good|setosa)"):
            read_table(name, ("Fair", "virginica"))

    def test_a_digit_is_an_image_by_rows(self):
        dataset = load(DataConfig(name="digits"), 0)
        np.testing.assert_array_equal(
            dataset.raw[0].reshape(DATA_SETS["digits"].image_shape), sklearn_datasets.load_digits().images[0]
        )
        assert (dataset.raw.min(), dataset.raw.max()) == (0, 16)


def points(name: str, noise: float, n_samples: int = 5000, seed: int = 0, **options):
    config = DataConfig(name=name, noise=noise, n_samples=n_samples, **options)
    return DATA_SETS[name].rows(config.options, seed)[:2]


class TestPlane:
    @pytest.mark.parametrize("name", ["moons", "circles", "spirals", "checkerboard", "xor"])
    @pytest.mark.parametrize("n_samples", [1000, 1001])
    def test_classes_are_balanced(self, name, n_samples):
        assert np.bincount(points(name, 0, n_samples)[1]).tolist() == [n_samples - 500, 500]

    @pytest.mark.parametrize("name", ["moons", "circles", "spirals", "xor"])
    def test_noise_is_a_deviation_on_the_points(self, name):
        clean, labels = points(name, 0)
        noisy, same_labels = points(name, 0.25)
        assert (labels == same_labels).all()
        shift = noisy - clean
        assert shift.std(0) == pytest.approx(0.25, rel=0.05)
        assert shift.mean(0) == pytest.approx(0, abs=0.02)

    def test_moons(self):
        x, y = points("moons", 0)
        first, second = x[y == 0], np.array([1, 0.5]) - x[y == 1]
        for moon in (first, second):
            assert np.hypot(*moon.T) == pytest.approx(1)
            assert (moon[:, 1] >= 0).all()

    def test_circles(self):
        x, y = points("circles", 0)
        assert np.hypot(*x.T) == pytest.approx(np.where(y == 0, 1, 0.5))
        assert x.mean(0) == pytest.approx(0, abs=0.05)

    def test_spirals(self):
        x, y = points("spirals", 0)
        radius, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
        assert 0.1 <= radius.min() < 0.12
        assert 0.99 < radius.max() <= 1
        turned = (angle - 2 * np.pi * 1.5 * radius - np.pi * y) / (2 * np.pi)
        assert turned == pytest.approx(np.round(turned), abs=1e-9)

    def test_checkerboard(self):
        x, y = points("checkerboard", 0)
        square = np.floor((x + 1) * 2).astype(int)
        assert (square.sum(1) % 2 == y).all()
        visits = np.bincount(square[:, 0] * 4 + square[:, 1], minlength=16)
        assert len(visits) == 16
        assert visits.min() > 5000 / 16 * 0.8

    def test_checkerboard_noise_is_a_share_of_labels(self):
        clean_x, clean = points("checkerboard", 0)
        x, y = points("checkerboard", 0.4)
        np.testing.assert_array_equal(x, clean_x)
        # half of the labels drawn anew stay as they were
        assert (y != clean).mean() == pytest.approx(0.2, abs=0.02)

    def test_xor(self):
        x, y = points("xor", 0)
        assert ((x.prod(1) < 0) == y).all()
        quadrants = np.bincount(2 * (x[:, 0] > 0) + (x[:, 1] > 0))
        assert quadrants.min() > 5000 / 4 * 0.9
        assert abs(x).max() <= 1


class TestTreeTeacher:
    def test_labels_by_hand(self):
        # one hyperplane on the first feature; its sign chooses whether the second feature or its negative decides
        hyperplanes = np.array([[1.0], [0.0]])
        classifiers = np.array([[[0.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, -1.0]]])
        x = np.array([[-1.0, 2.0], [-1.0, -2.0], [1.0, 2.0], [1.0, -2.0]])
        assert teacher_labels(x, hyperplanes, classifiers).tolist() == [1, 0, 0, 1]

    def test_first_bit_is_the_most_significant(self):
        hyperplanes = np.eye(2)
        classifiers = np.eye(4)[:, None, :] * np.ones((4, 2, 4))  # leaf i: class i has the sum of the features, others 0
        x = np.array([[3.0, -1.0], [-1.0, 3.0], [1.0, 1.0]])
        assert teacher_labels(x, hyperplanes, classifiers).tolist() == [2, 1, 3]

    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 4), st.integers(1, 4), st.integers(2, 5), st.integers(0, 10**6))
    def test_labels_are_those_of_the_teacher(self, depth, n_features, n_classes, seed):
        options = {"teacher_depth": depth, "n_features": n_features, "n_classes": n_classes}
        x, y = points("tree_teacher", 0, 50, seed, **options)
        hyperplanes, classifiers = teacher(options, seed)
        for row, label in zip(x, y, strict=True):
            leaf = int("0" + "".join("1" if row @ hyperplane > 0 else "0" for hyperplane in hyperplanes.T), 2)
            assert label == np.argmax(row @ classifiers[leaf])

    def test_features_are_gaussian(self):
        x, _ = points("tree_teacher", 0)
        assert x.shape == (5000, 10)
        assert x.mean(0) == pytest.approx(0, abs=0.06)
        assert np.cov(x.T) == pytest.approx(np.eye(10), abs=0.1)

    def test_noise_draws_labels_anew_from_all_classes(self):
        clean_x, clean = points("tree_teacher", 0, n_classes=4)
        x, y = points("tree_teacher", 0.4, n_classes=4)
        np.testing.assert_array_equal(x, clean_x)
        assert (y != clean).mean() == pytest.approx(0.4 * 3 / 4, abs=0.02)
        _, anew = points("tree_teacher", 1, n_classes=4)
        assert np.bincount(anew, minlength=4) / len(anew) == pytest.approx(0.25, abs=0.03)

    def test_more_rows_have_the_same_teacher(self):
        few, few_y = points("tree_teacher", 0, 100)
        more, more_y = points("tree_teacher", 0, 200)
        np.testing.assert_array_equal(few, more[:100])
        np.testing.assert_array_equal(few_y, more_y[:100])
