"""The triplet loss equals that of plain loops, in value and in gradient."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.errors import UsageError
from onlyme.lab.networks import Article, build_network
from onlyme.lab.networks.siamese import Siamese
from onlyme.lab.spec import Spec
from onlyme.lab.triplets import KINDS, compute_terms, euclidean, make_triplet_loss


def plain_loop(embed, me, not_me, alpha):
    """The article's loop: three embeddings for each triplet."""
    losses = []
    for a, p in itertools.permutations(range(len(me)), 2):
        for n in range(len(not_me)):
            tested, known, other = embed(me[a]), embed(me[p]), embed(not_me[n])
            norms = torch.norm(tested - known, p=2) - torch.norm(tested - other, p=2)
            losses.append(torch.clamp(norms + alpha, min=0))
    return torch.stack(losses).mean()


@settings(deadline=None)  # the first call loads half of torch
@given(
    m=st.integers(2, 6),
    n=st.integers(1, 6),
    alpha=st.floats(-1, 1),
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([1e-2, 1.0, 1e2]),
)
def test_loss_and_gradient_are_the_plain_loops(m, n, alpha, seed, scale):
    source = torch.Generator().manual_seed(seed)
    vectors = torch.randn(m + n, 8, generator=source, dtype=torch.float64) * scale
    ours, theirs = vectors.clone().requires_grad_(), vectors.clone().requires_grad_()
    loss = make_triplet_loss("article", alpha)(ours[:m], ours[m:])
    oracle = plain_loop(lambda v: v, theirs[:m], theirs[m:], alpha)
    loss.backward()
    oracle.backward()
    assert loss.item() == pytest.approx(oracle.item(), rel=1e-9, abs=1e-12)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("embedder", ["compact", "article"])
def test_one_step_through_a_network_is_the_plain_loops(embedder):
    """Each photo embedded once gives what three embeddings a triplet give; dropout off."""
    torch.manual_seed(1)
    network = (
        build_network(Spec("compact"))
        if embedder == "compact"
        else Siamese(Article(size=40), "article", 0.5)
    )
    network.eval().double()  # so that only the arithmetic is compared, not its rounding
    me, not_me = torch.rand(3, 3, 48, 48).double(), torch.rand(3, 3, 48, 48).double()
    network.loss(me, not_me).backward()
    ours = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    loss = plain_loop(lambda image: network.embedder(image[None])[0], me, not_me, 0.5)
    loss.backward()
    assert loss.item() > 0
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-8, atol=1e-12)


def test_every_photo_is_embedded_once():
    network = build_network(Spec("compact"))
    counts = []
    network.embedder.register_forward_hook(lambda _, args, __: counts.append(len(args[0])))
    network.loss(torch.rand(5, 3, 112, 112), torch.rand(7, 3, 112, 112))
    assert counts == [12]


def test_there_are_as_many_triplets_as_the_article_counts():
    assert len(compute_terms(torch.randn(7, 4), torch.randn(10, 4), 0.5)) == 420
    assert len(compute_terms(torch.randn(2, 4), torch.randn(5, 4), 0.5)) == 10


def test_equal_vectors_have_a_distance_and_a_gradient_of_zero():
    one = torch.ones(2, 3, requires_grad=True)
    euclidean(one, one).sum().backward()
    assert torch.equal(one.grad, torch.zeros(2, 3))


def loop(me, not_me, distance, alpha):
    return [
        max(0.0, distance(a, p) - distance(a, n) + alpha)
        for a, p in itertools.permutations(me, 2)
        for n in not_me
    ]


def squared(a, b):
    return float((a - b).square().sum())


def cosine(a, b):
    return 1 - float(torch.nn.functional.cosine_similarity(a, b, dim=0))


@pytest.mark.parametrize(("kind", "distance"), [("squared", squared), ("cosine", cosine)])
@pytest.mark.parametrize("alpha", [-0.6, 0.0, 0.5])
def test_other_distances(kind, distance, alpha):
    torch.manual_seed(3)
    me, not_me = torch.randn(4, 5), torch.randn(3, 5)
    values = loop(me, not_me, distance, alpha)
    loss = float(make_triplet_loss(kind, alpha)(me, not_me))
    assert loss == pytest.approx(sum(values) / len(values), rel=1e-4)


def norm(a, b):
    return float((a - b).norm())


def test_batch_hard_takes_the_farthest_positive_and_the_nearest_stranger():
    torch.manual_seed(4)
    me, not_me = torch.randn(4, 5), torch.randn(3, 5)
    rows = list(me)
    expected = [
        max(
            0.0,
            max(norm(rows[i], rows[j]) for j in range(4) if j != i)
            - min(norm(rows[i], n) for n in not_me)
            + 0.5,
        )
        for i in range(4)
    ]
    loss = float(make_triplet_loss("batch-hard", 0.5)(me, not_me))
    assert loss == pytest.approx(sum(expected) / 4, rel=1e-4)


def test_semi_hard_takes_strangers_beyond_the_positive_but_not_by_alpha():
    torch.manual_seed(5)
    me, not_me = torch.randn(4, 5), torch.randn(6, 5)
    picked = [
        norm(a, p) - norm(a, n) + 0.5
        for a, p in itertools.permutations(me, 2)
        for n in not_me
        if norm(a, p) < norm(a, n) <= norm(a, p) + 0.5
    ]
    assert picked
    loss = float(make_triplet_loss("semi-hard", 0.5)(me, not_me))
    assert loss == pytest.approx(sum(picked) / len(picked), rel=1e-4)


@pytest.mark.parametrize("kind", ["semi-hard", "batch-hard"])
def test_only_all_triplets_show_that_training_is_finished(kind):
    """All strangers are nearer than P: semi-hard finds nothing to learn, and all is wrong."""
    me, not_me = torch.tensor([[0.0], [10.0]]), torch.tensor([[1.0], [9.0]])
    loss = make_triplet_loss(kind, 0.5)
    assert float(loss(me, not_me, mined=False)) > 1
    if kind == "semi-hard":
        assert float(loss(me, not_me)) == 0


@pytest.mark.parametrize("alpha", [-1.01, 1.01, math.nan])
def test_alpha_beyond_its_range_is_refused(alpha):
    with pytest.raises(UsageError, match="alpha"):
        make_triplet_loss("article", alpha)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="batch-hard"):
        make_triplet_loss("contrastive")  # type: ignore[arg-type]  # wrong on purpose
    assert len(KINDS) == 5


def test_nan_is_not_a_distance_of_zero():
    """Otherwise all people would look equal to a network that diverged."""
    rows = torch.tensor([[float("nan"), 0.0], [float("inf"), 0.0], [1.0, 0.0]])
    assert euclidean(rows, rows[2:]).flatten().isfinite().tolist() == [False, False, True]
    assert not compute_terms(rows[::2], rows[1:2], 0.5).isfinite().all()
