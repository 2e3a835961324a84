"""What a causal generator carries from call to call, known from its configuration alone."""

from tfsep.models.config import GeneratorConfig

KERNEL_FRAMES = 3  # of a causal convolution: the frame itself and two before it


def has_mean(level: int, way: str) -> bool:
    """Return whether the blocks of a level on the way `down` or `up` hold a running mean of the past.

    At level 0 it would cost the most, and one on the way down is carried up by the skips.
    """
    return way == "down" and level > 0


def state_shapes(config: GeneratorConfig) -> dict[str, tuple[int, int, int]]:
    """Return name and shape `(frames, positions, width)` of each state, without the batch axis, in the order of the layers."""
    levels = range(len(config.widths))
    shapes = {}
    for level, way in [*((level, "down") for level in levels), *((level, "up") for level in reversed(levels[:-1]))]:
        size = (config.positions >> level, config.widths[level])
        for index in range(config.blocks[level]):
            shapes[f"{way}{level}_conv{index}"] = (KERNEL_FRAMES - 1, *size)
        if has_mean(level, way):
            shapes[f"{way}{level}_mean"] = (1, *size)
    return shapes
