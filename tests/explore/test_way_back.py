"""Question 2's figure to play with derives what the package derives."""

import random
import re
from pathlib import Path

import numpy as np
import sympy
from support.explored import needs_chromium, shown

from mmn13lib.q2_backpropagation.derivation import convolution_gradients

pytestmark = needs_chromium

IMAGE = [[1, 2, 0], [3, 1, 2], [0, 4, 1]]
KERNEL = [[1, -1, 2], [2, 0, 1], [-1, 3, 1]]
UPSTREAM = [[2, 1, -1], [1, 3, 2], [-2, 1, 1]]
DATA = {"image": IMAGE, "kernel": KERNEL, "upstream": UPSTREAM, "size": [2, 1], "start": "x11",
        "caption": "On a screen."}  # fmt: skip
READ = """
    const isLit = ([, cell]) => cell.classList.contains("lit");
    const lit = Object.entries(figure.cells).filter(isLit).map(([name]) => name);
    return {say: figure.say.textContent, slid: figure.slid, lit,
            sum: figure.say.querySelector("output").textContent.replace("−", "-")};
"""


def every_element() -> list[tuple[tuple[int, int], int, str]]:
    """List all elements of image and kernel in all the figure's convolutions."""
    sizes = [(high, wide) for high in (1, 2, 3) for wide in (1, 2, 3)]
    image = [f"x{i}{j}" for i in range(3) for j in range(3)]
    return [
        (size, stride, of)
        for size in sizes
        for stride in (1, 2)
        for of in image + [f"k{u}{v}" for u in range(size[0]) for v in range(size[1])]
    ]


def test_both_views_give_the_derivatives_of_fifty_elements(tmp_path: Path) -> None:
    elements = random.Random(13).sample(every_element(), 50)
    addresses = [
        f"#way-back?kernel={high}x{wide}&stride={stride}&view=convolution&of={of}"
        for (high, wide), stride, of in elements
    ]
    pages = shown("way-back", DATA, addresses, READ, tmp_path)
    for (size, stride, of), page in zip(elements, pages, strict=True):
        gradients = convolution_gradients((3, 3), size, stride)
        rows, columns = gradients.geometry.output_shape
        upstream = np.array(UPSTREAM)[:rows, :columns]
        kernel = np.array(KERNEL)[: size[0], : size[1]]
        values = gradients.evaluate(np.array(IMAGE), kernel, upstream)
        at = (int(of[1]), int(of[2]))
        symbolic = (gradients.d_image if of[0] == "x" else gradients.d_kernel)[at]
        number = (values.d_image if of[0] == "x" else values.d_kernel)[at]
        assert float(page["sum"]) == page["slid"] == number
        formula = page["say"].split(" = ")[1] if symbolic != 0 else "0"
        written = re.sub(r"([gxk])(\d\d) ([gxk])(\d\d)", r"\1_\2*\3_\4", formula)
        assert sympy.sympify(written) == symbolic
        fed = {name for name in page["lit"] if name[0] == "y"}
        assert fed == {f"y{str(g)[2:]}" for g in symbolic.free_symbols if str(g)[0] == "g"}
        assert ("feeds nothing" in page["say"]) == (symbolic == 0)


def test_the_middle_pixel_has_two_terms_in_the_chapters_symbols(tmp_path: Path) -> None:
    (page,) = shown("way-back", DATA, [""], READ, tmp_path)
    assert page["say"] == "∂C/∂x11 = g01 k10 + g11 k00 = 1·2 + 3·1 = 5"
    assert sorted(page["lit"]) == ["g01", "g11", "k00", "k10", "x11", "y01", "y11"]


def test_a_click_pins_and_another_frees(tmp_path: Path) -> None:
    look = """
        const found = [], read = () => found.push([figure.say.textContent.split(" ")[0],
          figure.cells.x00.ariaPressed, location.hash.slice(-6)]);
        const pointAtAnother = () => figure.cells.k10.dispatchEvent(new Event("mouseenter"));
        figure.cells.x00.click(); read();
        pointAtAnother(); read();
        figure.cells.x00.click(); pointAtAnother(); read();
        return found;
    """
    (found,) = shown("way-back", DATA, [""], look, tmp_path)
    assert found == [
        ["∂C/∂x00", "true", "of=x00"],
        ["∂C/∂x00", "true", "of=x00"],
        ["∂C/∂k10", "false", "f=none"],
    ]
