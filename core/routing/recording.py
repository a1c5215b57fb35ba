"""Recording the routing of any torch model while it runs.

N tokens · E experts · k experts of each token.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leafscope.core.errors import RoutingError
from leafscope.core.limits import MAX_EXPERTS
from leafscope.core.routing.routing import Routing

if TYPE_CHECKING:
    from torch import Tensor, nn

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "n_experts", "moe_num_experts")
_TOP_K = ("top_k", "topk", "num_experts_per_tok", "num_experts_per_token", "num_selected_experts", "moe_top_k", "k")
"""Names under which models keep E and k."""

_ROUTER = re.compile(r"(?i)(gate|router|switch|wg)(?!.*(shared|proj))")

_MOST_SHOWN = 8


@dataclass
class _Layer:
    """What is counted of one router."""

    top_k: int
    counts: "Tensor"
    """(E,) on the router's device."""
    ids: "list[Tensor] | None"
    """(N, k) for each pass, -1 where there is padding."""


@dataclass
class Recording:
    """What `record` gives: a `Routing` that is read when one of its attributes is first asked for.

    Until then all counts stay on the model's device, and nothing waits for it.
    """

    keep_ids: bool = False
    _layers: dict[str, _Layer] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)
    """The names of the model's modules, in order."""
    _mask: "Tensor | None" = None
    _is_over: bool = False
    _read: Routing | None = None

    def read(self) -> Routing:
        """Return what was counted so far; raises RoutingError if no router has run."""
        import torch

        if self._read is not None:
            return self._read
        if not self._layers:
            raise RoutingError("no router has run yet, so nothing was counted")
        names = sorted(self._layers, key=self._names.index)
        numbers = [int(found[0]) if (found := re.search(r"\d+", name)) else -1 for name in names]
        if len(set(numbers)) < len(numbers) or min(numbers) < 0:
            numbers = list(range(len(names)))
        order = sorted(range(len(names)), key=numbers.__getitem__)
        layers = [self._layers[names[place]] for place in order]
        experts = max(len(layer.counts) for layer in layers)
        counts = torch.stack(
            [torch.nn.functional.pad(layer.counts.cpu(), (0, experts - len(layer.counts))) for layer in layers]
        )
        top_k = {layer.top_k for layer in layers}
        notes = [f"recorded at {', '.join(names)[:300]}"]
        if len(top_k) > 1:
            notes.append(f"layers have different numbers of experts for each token: {sorted(top_k)}")
        read = Routing(
            name="recorded",
            counts=counts.numpy().copy()[None, None],
            layers=tuple(numbers[place] for place in order),
            top_k=top_k.pop() if len(top_k) == 1 else None,
            ids=_joined(layers),
            notes=tuple(notes),
        )
        self._read = read if self._is_over else None
        return read

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.read(), name)

    def _count(self, name: str, experts: int, ids: "Tensor") -> None:
        """Add the experts of some tokens: (..., k)."""
        import torch

        ids = ids.detach().reshape(-1, ids.shape[-1]).long()
        layer = self._layers.get(name)
        if layer is None:
            layer = _Layer(
                ids.shape[1], torch.zeros(experts, dtype=torch.int64, device=ids.device), [] if self.keep_ids else None
            )
            self._layers[name] = layer
        is_token = self._is_token(len(ids))
        ones = torch.ones_like(ids) if is_token is None else is_token.to(ids.device)[:, None].expand_as(ids).long()
        # unlike bincount it never waits for the device
        layer.counts.scatter_add_(0, ids.clamp(0, experts - 1).reshape(-1), (ones * (ids >= 0)).reshape(-1))
        if layer.ids is not None:
            layer.ids.append(torch.where(ones > 0, ids, -1).to(torch.int32))

    def _is_token(self, n: int) -> "Tensor | None":
        """Which rows are tokens and not padding: (N,); None: all, or nothing is known."""
        mask = self._mask
        if mask is None or mask.ndim != 2 or not len(mask) or n % len(mask) or n // len(mask) > mask.shape[1]:
            return None
        return mask[:, mask.shape[1] - n // len(mask) :].reshape(-1) != 0  # with a cache, only the last tokens are new


def _joined(layers: list[_Layer]) -> Any:
    """Join the ids of all layers: (N, A, k); None where they are not kept, or differ in shape."""
    import torch

    if any(layer.ids is None for layer in layers):
        return None
    parts = [torch.cat([one.cpu() for one in layer.ids or ()]) for layer in layers]
    return torch.stack(parts, 1).numpy() if len({part.shape for part in parts}) == 1 else None


@contextmanager
def record(
    model: "nn.Module", modules: Mapping[str, int | None] | None = None, *, keep_ids: bool = False
) -> Iterator[Recording]:
    """Count how often a torch model's experts are chosen while it runs within the `with` statement.

    `modules`: name of each router -> k; a router puts out scores of the experts (..., E), or ids (..., k) among several
    tensors. Without it, routers are found in the first pass by what they put out: whole numbers beside scores or weights, or
    scores as wide as there are experts. Tokens that a two-dimensional `attention_mask` leaves out are not counted; without a
    mask all are. `keep_ids`: also keep the experts of each token, which grows with the tokens. A checkpointed backward pass
    counts again. The counts are read, and only then waited for, when the result is asked for an attribute. Raises RoutingError
    for an unknown module, and at the end, with the candidates, if no router was found.

        with record(model) as routing:
            model(**batch)
        routing.save("routing.safetensors")
    """
    named = {name: module for name, module in model.named_modules() if name}
    found = Recording(keep_ids, _names=list(named))
    handles: list[Any] = []
    if modules is not None:
        for name, top_k in modules.items():
            if name not in named:
                raise RoutingError(f"the model has no module {name!r:.80}; candidates are {_candidates(named)}")
            handles.append(named[name].register_forward_hook(_counting(found, name, top_k)))
    else:
        handles += _searching(found, model, named)
    try:
        handles.append(model.register_forward_pre_hook(_mask_hook(found), with_kwargs=True))
        yield found
    finally:
        for handle in handles:
            handle.remove()
        found._mask = None
    if not found._layers:
        raise RoutingError(
            "no router was found: none of the model's modules puts out the experts of tokens, or scores as wide as there are "
            f"experts; name them as in record(model, modules={{name: top_k}}); candidates are {_candidates(named)}"
        )
    found._is_over = True


def _mask_hook(found: Recording) -> Callable[..., None]:
    def hook(module: "nn.Module", inputs: tuple[Any, ...], more: dict[str, Any]) -> None:
        found._mask = more.get("attention_mask")

    return hook


def _counting(found: Recording, name: str, top_k: int | None) -> Callable[..., None]:
    """Count what a router that was named puts out."""

    def hook(module: "nn.Module", inputs: Any, output: Any) -> None:
        routed = _ids_and_width(module, output)
        if routed is None:
            scores = next((one for one in _tensors(output) if one.is_floating_point() and one.ndim), None)
            if scores is None or top_k is None or not 1 <= top_k <= scores.shape[-1]:
                raise RoutingError(f"{name} must put out ids, or scores of at least top-k experts, got top-k {top_k}")
            routed = scores.detach().topk(top_k, -1, sorted=False).indices, scores.shape[-1]
        ids, experts = routed
        if top_k is not None and ids.shape[-1] != top_k:
            raise RoutingError(f"{name} puts out {ids.shape[-1]} experts for each token, but top-k is told as {top_k}")
        found._count(name, experts, ids)

    return hook


def _searching(found: Recording, model: "nn.Module", named: Mapping[str, "nn.Module"]) -> list[Any]:
    """Look at what every module puts out in the first pass, and go on with the routers."""
    handles: dict[str, Any] = {}

    def look(name: str, parent: "nn.Module") -> Callable[..., None]:
        def hook(module: "nn.Module", inputs: Any, output: Any) -> None:
            if any(other.startswith(f"{name}.") for other in found._layers):
                return  # a block that hands on what its router put out
            routed = _ids_and_width(module, output)
            if routed is None:
                routed = _top_of_scores(name, module, parent, getattr(model, "config", None), output)
            if routed is not None:
                found._count(name, routed[1], routed[0])

        return hook

    def after(module: "nn.Module", inputs: Any, output: Any) -> None:
        for name in [name for name in handles if name not in found._layers]:
            if found._layers:
                handles.pop(name).remove()

    for name, module in named.items():
        parent = named.get(name.rpartition(".")[0], model)
        handles[name] = module.register_forward_hook(look(name, parent))
    return [*handles.values(), model.register_forward_hook(after)]


def _tensors(output: Any) -> "list[Tensor]":
    import torch

    if isinstance(output, torch.Tensor):
        return [output]
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, (tuple, list)) else ()
    return [one for one in values if isinstance(one, torch.Tensor)]


def _ids_and_width(module: "nn.Module", output: Any) -> "tuple[Tensor, int] | None":
    """Take ids from what a router puts out, whole numbers beside scores (N, E) or weights (N, k); None: it is none."""
    import torch

    tensors = _tensors(output)
    floats = [one for one in tensors if one.is_floating_point() and one.ndim >= 2]
    for ids in tensors:
        if ids.dtype not in (torch.int16, torch.int32, torch.int64) or ids.ndim < 2 or not floats:
            continue
        n, k = ids.numel() // max(1, ids.shape[-1]), ids.shape[-1]
        widths = [one.shape[-1] for one in floats if one.numel() // max(1, one.shape[-1]) == n]
        if not widths or min(widths) < k:
            continue
        experts = max(widths) if max(widths) > k else _number(_EXPERTS, module)
        if experts is None and (weight := getattr(module, "weight", None)) is not None:
            experts = weight.shape[0]
        if experts is not None and k <= experts <= MAX_EXPERTS:
            return ids, experts
    return None


def _top_of_scores(
    name: str, module: "nn.Module", parent: "nn.Module", config: Any, output: Any
) -> "tuple[Tensor, int] | None":
    """Take the highest scores of a module beside experts that puts out one for each of them; None: it is no router."""
    import torch

    if not isinstance(output, torch.Tensor) or not output.is_floating_point() or output.ndim < 2:
        return None
    last = name.rpartition(".")[2]
    experts = _number(_EXPERTS, module, parent)
    for child_name, child in parent.named_children():
        if (
            "expert" in child_name
            and "shared" not in child_name
            and child is not module
            and isinstance(child, torch.nn.ModuleList)
        ):
            experts = experts or len(child)
    top_k = _number(_TOP_K, module, parent, config)
    is_it = experts is not None and experts > 1 and output.shape[-1] == experts and _ROUTER.search(last)
    if not is_it or top_k is None or experts is None or top_k > experts:
        return None
    return output.detach().topk(top_k, -1, sorted=False).indices, experts


def _number(names: tuple[str, ...], *places: Any) -> int | None:
    for place in places:
        for name in names:
            if type(value := getattr(place, name, None)) is int and value > 0:
                return value
    return None


def _candidates(named: Mapping[str, "nn.Module"]) -> str:
    """Name the modules that may be routers: by their name, else those that put out less than they get."""
    likely = [name for name in named if _ROUTER.search(name.rpartition(".")[2])]
    if not likely:
        likely = [name for name, one in named.items() if 1 < getattr(one, "out_features", 0) < getattr(one, "in_features", 0)]
    shown = ", ".join(likely[:_MOST_SHOWN]) + (f" and {len(likely) - _MOST_SHOWN:,} more" if len(likely) > _MOST_SHOWN else "")
    return shown or "none"
