"""Lists of pairs: drawn, written, read, and refused."""

import pytest

from onlyme.errors import UsageError
from onlyme.evaluate.pairs import Pair, Photo, list_people, make_pairs, read_pairs, write_pairs


def photos(people, each):
    return [Photo(f"P{i}/P{i}_{j:04d}.jpg", f"P{i}") for i in range(people) for j in range(each)]


def person(source):
    return source.split("/")[0]


def test_drawn_pairs_are_true_balanced_and_disjoint_by_identity():
    pairs = make_pairs(photos(200, 5), folds=10, per_fold=50)
    assert len(pairs) == 1000
    assert sum(pair.same for pair in pairs) == 500
    assert all(pair.same == (person(pair.left) == person(pair.right)) for pair in pairs)
    assert len({frozenset((pair.left, pair.right)) for pair in pairs}) == 1000
    where = {}
    for pair in pairs:
        for source in (pair.left, pair.right):
            assert where.setdefault(person(source), pair.fold) == pair.fold


def test_each_person_gives_one_pair_before_one_gives_a_second():
    crowd = [*photos(20, 2), *(Photo(f"Many/{j}.jpg", "Many") for j in range(100))]
    pairs = make_pairs(crowd, folds=2, per_fold=11)
    owners = [person(pair.left) for pair in pairs if pair.same]
    assert {f"P{i}" for i in range(20)} <= set(owners)


def test_the_same_seed_gives_the_same_list_in_any_order_of_the_photos():
    crowd = photos(60, 4)
    assert make_pairs(crowd, seed=3) == make_pairs(crowd[::-1], seed=3)
    assert make_pairs(crowd, seed=3) != make_pairs(crowd, seed=4)


@pytest.mark.parametrize(
    ("crowd", "options"),
    [
        ([], {}),
        (photos(5, 3), {}),  # fewer people than folds
        (photos(40, 1), {}),  # one photo of each person
        (photos(40, 2), {"folds": 1}),
        (photos(40, 2), {"per_fold": 0}),
    ],
)
def test_too_few_photos_are_refused(crowd, options):
    with pytest.raises(UsageError):
        make_pairs(crowd, **options)


def test_a_written_list_is_read_back(tmp_path):
    pairs = make_pairs(photos(60, 4), per_fold=10)
    odd = (*pairs, Pair('A, "B"/ü.jpg', "C/1.jpg", same=False, fold=12))
    write_pairs(odd, tmp_path / "pairs.csv")
    assert read_pairs(tmp_path / "pairs.csv") == odd


def test_lfw_pairs_are_read(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(
        "2\t1\nAnn_Lee\t1\t12\nAnn_Lee\t2\tBo\t3\nCy\t1\t2\nCy\t1\tDi\t10\n", encoding="utf-8"
    )
    assert read_pairs(path) == (
        Pair("Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0012.jpg", same=True, fold=1),
        Pair("Ann_Lee/Ann_Lee_0002.jpg", "Bo/Bo_0003.jpg", same=False, fold=1),
        Pair("Cy/Cy_0001.jpg", "Cy/Cy_0002.jpg", same=True, fold=2),
        Pair("Cy/Cy_0001.jpg", "Di/Di_0010.jpg", same=False, fold=2),
    )


def test_a_csv_without_folds_is_dealt_into_ten(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("left,right,same\n" + "a/1.jpg,a/2.jpg,true\n" * 20, encoding="utf-8")
    assert [pair.fold for pair in read_pairs(path)] == [*range(1, 11)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "left,right,same\n",
        "left,right,same\na/1.jpg,b/1.jpg,perhaps\n",
        "left,right,same,fold\na/1.jpg,b/1.jpg,1,one\n",
        "left,right,same\n../secret.jpg,b/1.jpg,1\n",
        "left,right,same\n/etc/passwd,b/1.jpg,1\n",
        "left,right,same\na\\..\\x,b/1.jpg,1\n",
        "left,right\na,b\n",
        "pairs\n",
        "1\t1\n../x\t1\t2\n",
        "1\t1\nAnn\tone\ttwo\n",
        "1\t1\nAnn\t1\n",
        f"1\t1\nAnn\t{'1' * 5000}\t2\n",
        f"{'1' * 5000}\nAnn\t1\t2\n",
        f"left,right,same,fold\na,b,1,{'1' * 5000}\n",
        f"left,right,same\na,{'b' * 200_000},1\n",
    ],
)
def test_a_bad_list_is_refused(tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"pairs\.csv"):
        read_pairs(path)


def test_lists_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "raw").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "raw", tmp_path / "none", tmp_path):
        with pytest.raises(UsageError):
            read_pairs(path)


def test_people_are_listed_in_order_without_hidden_files(tmp_path):
    for name in ("B/2.JPG", "B/1.png", "A/x.jpeg", "A/notes.txt", ".git/a.jpg", "A/.hidden.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loose.jpg").touch()
    assert list_people(tmp_path) == (
        Photo("A/x.jpeg", "A"),
        Photo("B/1.png", "B"),
        Photo("B/2.JPG", "B"),
    )


@pytest.mark.parametrize("where", ["", "none"])
def test_a_folder_without_people_is_refused(tmp_path, where):
    with pytest.raises(UsageError):
        list_people(tmp_path / where)


@pytest.mark.data
def test_lfw_dev_gives_six_thousand_pairs(data):
    pairs = make_pairs(list_people(data / "lfw_dev"))
    assert [sum(pair.same is truth for pair in pairs) for truth in (True, False)] == [3000, 3000]
    assert all((data / "lfw_dev" / pair.left).is_file() for pair in pairs)
