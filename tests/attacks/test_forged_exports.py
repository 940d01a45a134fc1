"""An export that its owner forged brings a loose alpha, or a scale that makes it look strict."""

from dataclasses import replace

import numpy as np
import pytest

from onlyme import FaceID, NeedsReenroll
from onlyme.faceid import networks, wiring
from onlyme.settings import Settings
from onlyme.siamese.distance import normalize
from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner
from onlyme.vault.export import seal_export
from onlyme.vault.key_sources import ScryptCost

WORDS, CHEAP = "four good words", ScryptCost(n=2, r=1, p=1)
FORGERIES = {
    "loose alpha": {"alpha": -2.0, "promised": None},
    "loose alpha that claims a rate": {"alpha": -2.0, "promised": 1e-6},
    "scale": {"alpha": -1.9, "learned.centre": -3.0, "learned.spread": 0.01},
    "template": {"learned.template": None},
}


@pytest.fixture
def settings(folder):
    return Settings.load(vault=folder)


@pytest.fixture
def owner(settings):
    generator = np.random.default_rng(5)
    drawn = generator.standard_normal((1, 128)) + 0.02 * generator.standard_normal((5, 128))
    base = networks.load_base(settings)
    me = normalize(drawn.astype(np.float32))
    return Owner.learn(base, "ada", replace(Examples.make_empty(base.dimension), me=me))


def forge(owner, **values):
    template = owner.to_template()
    assert set(values) <= set(template.values)
    other = normalize(np.random.default_rng(6).standard_normal((1, 128)).astype(np.float32))[0]
    changed = {
        key: other if value is None and "template" in key else value
        for key, value in values.items()
    }
    return seal_export(replace(template, values=template.values | changed), WORDS, CHEAP)


@pytest.mark.parametrize("what", FORGERIES)
def test_an_imported_template_brings_neither_alpha_nor_scale(settings, owner, what):
    sealed = forge(owner, **FORGERIES[what])
    with FaceID(wiring.assemble(settings, by="daemon")) as face_id:
        face_id.admin.import_sealed(sealed, WORDS, "daemon")
        found = face_id.owner("ada")
    fresh = Owner.learn(networks.load_base(settings), "ada", owner.examples, far=settings.far)
    assert found.alpha == pytest.approx(fresh.alpha)
    assert found.far == pytest.approx(settings.far)
    np.testing.assert_allclose(found.learned.template, fresh.learned.template, atol=1e-6)
    assert found.learned.spread == pytest.approx(fresh.learned.spread)


def test_the_command_line_imports_in_the_same_way(settings, owner, tmp_path):
    (tmp_path / "forged").write_bytes(forge(owner, alpha=-2.0, promised=None))
    with wiring.open_vault(settings) as admin:
        admin.import_(tmp_path / "forged", WORDS)
    with FaceID(wiring.assemble(settings)) as face_id:
        assert face_id.owner("ada").far == pytest.approx(settings.far)


def test_an_honest_export_still_knows_its_owner(settings, owner, tmp_path):
    with wiring.open_vault(settings) as admin:
        with admin.store.edit() as edit:
            edit.put(owner.to_template())
        admin.export("ada", tmp_path / "ada", WORDS, CHEAP)
        admin.import_(tmp_path / "ada", WORDS, name="ada two", anyway=True)
    with FaceID(wiring.assemble(settings)) as face_id:
        assert (face_id.margins("ada two", owner.examples.me) >= owner.alpha).all()


def test_an_export_of_another_network_is_refused(settings, owner):
    template = replace(owner.to_template(), model="cd" * 32)
    with wiring.open_vault(settings) as admin:
        with pytest.raises(NeedsReenroll):
            admin.import_sealed(seal_export(template, WORDS, CHEAP), WORDS, "here")
        assert admin.store.names() == []
