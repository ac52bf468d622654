"""How kernel functions are compiled.

Every kernel function is written in the Numba subset of Python and marked with :func:`njit`. Its code is not kept on the
disk: Numba does not notice a change in a function that *another* file defines, so only the functions of generated
drivers are kept (:func:`entry`), under a name that holds a hash of all sources (see ``triplane.strategies.drivers``).
``NUMBA_DISABLE_JIT=1`` turns every kernel into ordinary Python with the same results.

Code is always made for a generic processor of the machine's family: nothing here is vectorised, so that costs no speed,
and what was compiled on one machine runs, with the same bits, on every other. (The setting is Numba's own, for the
whole process.)

Code that is not Triplane's own, so a user's strategy, checks every index: one beyond the end of an array raises, with
its line, where it would otherwise change whatever lies there.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar

os.environ["NUMBA_CPU_NAME"] = "generic"

from numba.core import cgutils, config, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator, _SourceFileBackedLocatorMixin
from numba.core.lowering import BaseLower
from numba.core.registry import CPUDispatcher
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, models, register_model, typeof_impl

from triplane.kernel.codes import Code, CodeMeta
from triplane.kernel.layout import record

config.reload_config()  # type: ignore[no-untyped-call]  # Numba may have been imported earlier

__all__ = ["Arr", "Rec", "entry", "njit", "record"]

F = TypeVar("F", bound=Callable[..., Any])

Rec: TypeAlias = Any
"""One NumPy record, passed by reference. (Numba decides the type; there is nothing for mypy to know.)"""

Arr: TypeAlias = Any
"""A NumPy array, of records or of numbers."""

_OPTIONS: dict[str, Any] = {"nopython": True, "boundscheck": None, "error_model": "numpy", "nogil": True}
"""The options of every compiled function: IEEE division (x/0 = inf), no GIL. Never ``fastmath``: results are exact."""
_OWN = ("triplane.", "triplane_driver_")
"""Modules whose indices are known to fit; all others are checked."""


class _Inner(CPUDispatcher):
    """A kernel function as other compiled functions call it.

    Compiled once for all integers: left alone, Numba compiles a function again for every width of integer and for every
    literal number that is passed to it. Without the entry points for Python and C, which nobody would use.
    """

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a call with these types calls."""
        return super().get_call_template([_general(t) for t in args], {name: _general(t) for name, t in kws.items()})


def _general(argument: Any) -> Any:
    plain = types.unliteral(argument)  # type: ignore[no-untyped-call]
    return types.int64 if isinstance(plain, types.Integer) else plain


class _Outer(CPUDispatcher):
    """A kernel function as Python calls it; compiled code that names it means its inner twin."""

    inner: _Inner

    @property
    def _numba_type_(self) -> Any:
        return types.Dispatcher(self.inner)


def njit(function: F) -> F:
    """Compile ``function`` for flat records; the same code runs as plain Python under ``NUMBA_DISABLE_JIT=1``."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    options = {**_OPTIONS, "boundscheck": not function.__module__.startswith(_OWN)}
    compiled: Any = _Outer(function, targetoptions=options)
    compiled.inner = _Inner(function, targetoptions={**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True})
    made: F = compiled
    return made


def _check_bounds(context: Any, builder: Any, index: Any, size: Any, axis: int | None = None) -> None:  # noqa: ARG001
    """Take the place of Numba's own check, which does not tell the line (a negative index is, unsigned, a huge one)."""
    frame = sys._getframe()  # noqa: SLF001 - what lowers the line is not among the arguments
    while not isinstance(lower := frame.f_locals.get("self"), BaseLower):
        if frame.f_back is None:
            break
        frame = frame.f_back
    with cgutils.if_unlikely(builder, builder.icmp_unsigned(">=", index, size)):  # type: ignore[no-untyped-call]
        error = IndexError, ("index is out of bounds",)
        context.call_conv.return_user_exc(builder, *error, loc=getattr(lower, "loc", None), func_name="step")


cgutils.do_boundscheck = _check_bounds


def inlined(function: F) -> F:
    """Like :func:`njit`, for what takes arrays: it becomes a part of its caller, since passing an array on is dear."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    made: Any = CPUDispatcher(function, targetoptions={**_OPTIONS, "inline": "always"})
    compiled: F = made
    return compiled


# --------------------------------------------------------------------------------------- code that is kept on the disk
class _Beside(_SourceFileBackedLocatorMixin, _CacheLocator):
    """Code lies beside its driver, which may be in a package that cannot be written.

    Numba's own locators look in folders that must be writable. Its index of a driver holds a hash of the driver's
    text, which is the same on every machine, so that code that was compiled elsewhere is found.
    """

    def __init__(self, function: Any, path: str) -> None:
        self._py_file = path
        self._lineno = function.__code__.co_firstlineno

    def ensure_cache_path(self) -> None:
        """It is there: the driver is in it."""

    def get_cache_path(self) -> str:
        """Folder of the driver."""
        return str(Path(self._py_file).parent)

    @classmethod
    def from_function(cls, function: Any, path: str) -> Any:
        """The locator of a driver's function."""
        return cls(function, path)


class _Kept(CompileResultCacheImpl):
    _locator_classes: ClassVar[list[Any]] = [_Beside]  # type: ignore[misc]


class _Cache(FunctionCache):
    _impl_class = _Kept

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep the code, if the folder can be written."""
        with suppress(OSError):
            super().save_overload(signature, compiled)  # type: ignore[no-untyped-call]


def entry(function: F) -> F:
    """Compile a driver's function for Python to call, or load it from beside the driver."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    compiled: Any = CPUDispatcher(function, targetoptions=_OPTIONS)
    cache: Any = _Cache
    compiled._cache = cache(function)  # noqa: SLF001 - as Numba's enable_caching, with the cache above
    made: F = compiled
    return made


# -------------------------------------------------------------------------------------------------------------- codes
# Numba has a type of its own for each IntEnum, which does not mix with integers (``reason = Reason.STOP`` in one branch
# and a field of a record in the other), and compiles a function once more for each enum that is passed to it (and for
# each literal number). So a member of a Code is typed as an ordinary integer; nothing else is left of it.
class _Codes(types.Opaque):
    """The type of a class of codes, such as ``Leg``."""

    def __init__(self, codes: type[Code]) -> None:
        self.codes = codes
        super().__init__(f"codes({codes.__module__}.{codes.__qualname__})")


register_model(_Codes)(models.OpaqueModel)


@typeof_impl.register(CodeMeta)
def _type_of_codes(value: type[Code], _context: Any) -> _Codes:
    return _Codes(value)


@typeof_impl.register(Code)
def _type_of_code(_value: Code, _context: Any) -> Any:
    return types.int64


@infer_getattr
class _CodesAttribute(AttributeTemplate):
    key = _Codes

    def generic_resolve(self, codes: _Codes, name: str) -> Any:  # type: ignore[override]
        """The type of ``Leg.STOP``."""
        return types.int64 if name in codes.codes.__members__ else None


@lower_getattr_generic(_Codes)  # type: ignore[no-untyped-call,untyped-decorator]
def _lower_code(context: Any, _builder: Any, codes: _Codes, _value: Any, name: str) -> Any:
    return context.get_constant(types.int64, int(codes.codes[name]))
