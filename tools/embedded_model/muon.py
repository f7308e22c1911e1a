"""The Muon optimizer (Jordan et al., 2024), https://kellerjordan.github.io/posts/muon/."""

import torch


class Muon:
    """Momentum with an orthogonalized update, for matrices; those of the same shape are stacked."""

    def __init__(
        self, parameters: list[torch.nn.Parameter], *, momentum: float = 0.95, weight_decay: float = 0.02
    ) -> None:
        self._momentum = momentum
        self._weight_decay = weight_decay
        self._groups: dict[tuple[int, ...], list[torch.nn.Parameter]] = {}
        for parameter in parameters:
            self._groups.setdefault(tuple(parameter.shape), []).append(parameter)
        self._velocity = {
            shape: torch.zeros(len(group), *shape, device=group[0].device)
            for shape, group in self._groups.items()
        }

    def step(self, learning_rate: float) -> None:
        """Update the parameters by their gradients."""
        with torch.no_grad():
            for shape, group in self._groups.items():
                gradient = torch.stack([p.grad for p in group if p.grad is not None])
                velocity = self._velocity[shape].lerp_(gradient, 1 - self._momentum)
                update = orthogonalize(gradient.lerp(velocity, self._momentum))
                scale = learning_rate * max(1.0, shape[0] / shape[1]) ** 0.5
                torch._foreach_mul_(group, 1 - learning_rate * self._weight_decay)
                torch._foreach_add_(group, list(update), alpha=-scale)


def orthogonalize(matrices: torch.Tensor) -> torch.Tensor:
    """Return the nearest semi-orthogonal matrices, by five Newton-Schulz steps.

    Args:
        matrices: [count, rows, columns]
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16()
    is_tall = x.size(-2) > x.size(-1)
    x = x.mT if is_tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + torch.baddbmm(gram, gram, gram, beta=b, alpha=c) @ x
    return (x.mT if is_tall else x).float()
