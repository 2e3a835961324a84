import numpy as np
import pytest

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.dsp.hit_grid import ONSET_SAMPLES, HitGrid, cell_means, clip_of, growing_edges, interpolation
from tfsep.dsp.stft import istft


@pytest.fixture(scope="module")
def grid():
    return HitGrid(DrumSamplerContract(part="encoder"))


def decaying_noise(samples=30_000, seed=0):
    noise = np.random.default_rng(seed).standard_normal(samples).astype(np.float32)
    return noise * np.exp(-np.arange(samples, dtype=np.float32) / 4000)


@pytest.mark.parametrize(("cells", "units"), [(64, 512), (80, 512), (16, 32), (8, 8)])
def test_cells_begin_one_unit_wide_and_cover_everything(cells, units):
    edges = growing_edges(cells, units)
    assert (edges[0], edges[1], edges[-1]) == (0, 1, units)
    assert (np.diff(edges) >= 1).all()
    assert len(edges) == cells + 1


def test_means_of_a_line_are_its_values_at_the_middles():
    edges = growing_edges(16, 64)
    line = np.arange(64, dtype=np.float32)[:, None]
    means = cell_means(line, edges)
    np.testing.assert_allclose(means[:, 0], (edges[:-1] + edges[1:] - 1) / 2)
    inside = slice(int(means[0, 0]), int(means[-1, 0]))
    np.testing.assert_allclose((interpolation(edges) @ means)[inside], line[inside], atol=1e-4)


def test_a_grid_does_not_depend_on_the_level(grid):
    clip = decaying_noise()
    found = grid.of_clip(clip)
    assert (found.min(), found.max(), found.shape) == (0.0, 1.0, (64, 80))
    np.testing.assert_allclose(grid.of_clip(0.01 * clip), found, atol=1e-4)


def test_silence_has_an_empty_grid_and_no_magnitudes(grid):
    empty = grid.of_clip(np.zeros(1000, np.float32))
    assert not empty.any()
    assert not grid.magnitudes(empty).any()


def test_what_is_behind_the_clip_is_left_out(grid):
    clip = decaying_noise(grid.clip_samples)
    longer = np.concatenate([clip, np.ones(5000, np.float32)])
    np.testing.assert_array_equal(grid.of_clip(longer), grid.of_clip(clip))


def test_a_sine_comes_back_with_its_own_phases(grid):
    time_s = np.arange(grid.clip_samples) / 44_100
    kick = (np.sin(2 * np.pi * 60 * time_s) * np.exp(-time_s / 0.15)).astype(np.float32)
    spectrum = grid.spectrum(kick)
    made = grid.magnitudes(grid.of_clip(kick)) * np.exp(1j * np.angle(spectrum))
    sound = istft(made[:, :, None].astype(np.complex64), grid.spec, grid.clip_samples)[:, 0]
    sound *= np.dot(sound, kick) / np.dot(sound, sound)
    assert 10 * np.log10(np.sum(kick**2) / np.sum((sound - kick) ** 2)) > 15


def test_a_clip_begins_to_rise_at_its_onset():
    for silence in (0, 10, 500):
        hit = np.concatenate([np.zeros(silence), 0.3 * decaying_noise(5000)])
        clip = clip_of(hit)
        assert np.argmax(np.abs(clip) > 1 / 30) == ONSET_SAMPLES
        assert np.abs(clip).max() == pytest.approx(1)
    assert not clip_of(np.zeros(10)).any()
