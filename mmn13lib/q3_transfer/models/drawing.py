"""A drawing of SmallResNet."""

from itertools import pairwise

from matplotlib.figure import Figure

from mmn13lib.writing.plotting import MARKED, new_figure


def residual_block() -> Figure:
    """Draw SmallResNet as a chain, and beneath it what one of its blocks does."""
    figure, axis = new_figure(height=1.7)
    axis.axis("off")
    axis.set(xlim=(-0.5, 5.5), ylim=(2.4, -0.4))
    chain = ["image\n3×224×224", "block 1\n32×32×32", "block 2\n64×16×16", "block 3\n128×8×8",
             "average\n128", "linear\n10 logits"]  # fmt: skip
    block = ["a block's\ninput", "convolution,\nBatchNorm, ReLU", "convolution,\nBatchNorm", "+",
             "ReLU", "output"]  # fmt: skip
    shortcut = ["", "shortcut: convolution 1×1, BatchNorm", ""]
    places = [0, 1.3, 2.75, 3.7, 4.4, 5.1]
    rows = ((range(6), 0, chain), (places, 1.15, block), ((0.65, 2.1, 3.7), 2.1, shortcut))
    line = {"arrowstyle": "->", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    for xs, y, texts in rows:
        axis.plot((xs[0], xs[-1]), (y, y), color="black", linewidth=0.8, zorder=0)
        for start, end in pairwise(xs):
            axis.annotate("", ((start + end) / 2 + 0.05, y), (start, y), arrowprops=line, zorder=0)
        for x, text in zip(xs, texts, strict=True):
            colour = MARKED if text.startswith("block") else "white"
            box = {"boxstyle": "round", "facecolor": colour, "linewidth": 0.7}
            axis.text(x, y, text, ha="center", va="center", fontsize=7.5, bbox=box if text else {})
    axis.plot((0.65, 0.65), (1.15, 2.1), color="black", linewidth=0.8, zorder=0)
    axis.annotate("", (3.7, 1.35), (3.7, 2.1), arrowprops=line)
    return figure
