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
            raise ValueError(
                f"a {times(self.kernel_shape)} kernel does not fit into a "
                f"{times(self.image_shape)} image with padding {self.padding}: expected at most "
                f"{rows} rows and {columns} columns; make the kernel smaller or the padding larger"
            )

    @property
    def output_shape(self) -> Shape:
        """Rows and columns of the output."""
        rows, columns = (
            (side + 2 * self.padding - window) // self.stride + 1
            for side, window in zip(self.image_shape, self.kernel_shape, strict=True)
        )
        return rows, columns


def times(shape: tuple[int, ...]) -> str:
    """Write a shape as 3×2."""
    return "×".join(map(str, shape))


def geometries(
    max_image: Shape = (5, 5), max_kernel: Shape = (3, 3), max_stride: int = 3, max_padding: int = 2
) -> Iterator[Geometry]:
    """List every convolution up to a size in which the kernel fits into the padded image.

    Strides start at 1 and padding at 0.

    Examples
    --------
    >>> sum(1 for geometry in geometries())
    1782
    """
    sides = [range(1, side + 1) for side in (*max_image, *max_kernel)]
    for rows, columns, high, wide in product(*sides):
        for stride, padding in product(range(1, max_stride + 1), range(max_padding + 1)):
            if high <= rows + 2 * padding and wide <= columns + 2 * padding:
                yield Geometry((rows, columns), (high, wide), stride, padding)
