"""Which convolutions there are: shapes, stride and padding that fit each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from mmn13lib.q1_convolution.arguments import checked_integer, checked_pair

Shape = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """The shapes of one convolution, checked.

    Parameters
    ----------
    image_shape, kernel_shape
        Rows and columns.
    stride
        The step of the kernel, the same in both dimensions.
    padding
        Rows and columns of zeros on each of the four sides.

    Raises
    ------
    TypeError, ValueError
        If a value is no integer or too small, or the kernel is larger than the padded image.

    Examples
    --------
    >>> Geometry((3, 3), (2, 1)).output_shape
    (2, 3)
    """

    image_shape: Shape = (3, 3)
    kernel_shape: Shape = (2, 1)
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        """Reject what does not fit; take NumPy's integers and lists as well."""
        for name in ("image_shape", "kernel_shape"):
            object.__setattr__(self, name, checked_pair(name, getattr(self, name), 1))
        object.__setattr__(self, "stride", checked_integer("stride", self.stride, 1))
        object.__setattr__(self, "padding", checked_integer("padding", self.padding, 0))
        rows, columns = (side + 2 * self.padding for side in self.image_shape)
        if self.kernel_shape[0] > rows or self.kernel_shape[1] > columns:
            kernel, image = ("×".join(map(str, s)) for s in (self.kernel_shape, self.image_shape))
            raise ValueError(
                f"a {kernel} kernel does not fit into a {image} image with padding {self.padding}: "
                f"expected at most {rows} rows and {columns} columns; make the kernel smaller or "
                "the padding larger"
            )

    @property
    def output_shape(self) -> Shape:
        """Rows and columns of the output."""
        rows, columns = (
            (side + 2 * self.padding - window) // self.stride + 1
            for side, window in zip(self.image_shape, self.kernel_shape, strict=True)
        )
        return rows, columns


def geometries(max_image: Shape, max_kernel: Shape) -> Iterator[Geometry]:
    """List every convolution up to a size, with strides up to 3 and paddings up to 2.

    Examples
    --------
    >>> sum(1 for geometry in geometries((5, 5), (3, 3)))
    1782
    """
    sides = [range(1, side + 1) for side in (*max_image, *max_kernel)]
    for rows, columns, high, wide, stride, padding in product(*sides, (1, 2, 3), (0, 1, 2)):
        if high <= rows + 2 * padding and wide <= columns + 2 * padding:
            yield Geometry((rows, columns), (high, wide), stride, padding)
