"""Gains that are learned: one factor for each neuron of a set, trained by the loss of a task, then an Edit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ocr_neurons.lm.neurons import NeuronSet
from ocr_neurons.neutralise.edit import Edit
from ocr_neurons.neutralise.hook import EditHook, hooked


class LearnedGains(nn.Module):
    """One gain a neuron, 1 at first, so that nothing is changed before training.

    IA3 (arXiv 2205.05638) does so with all neurons of the feed-forward; here a set is chosen. The parameters are the
    gains alone, ``[neurons]`` a layer, in the order of the set; give them to an optimiser::

        gains = LearnedGains(neurons)
        optimiser = torch.optim.Adam(gains.parameters(), lr=1e-2)
        with gains.on(model):
            …  # forward, backward, optimiser.step()
        edit = gains.edit()
    """

    def __init__(self, neurons: NeuronSet) -> None:
        super().__init__()
        self.neurons = neurons
        self.by_layer = nn.ParameterDict(
            {str(layer): nn.Parameter(torch.ones(count)) for layer, count in neurons.counts().items()}
        )

    @contextmanager
    def on(self, model: nn.Module, *, alone: bool = True) -> Iterator[None]:
        """Multiply by the gains as they are at each forward pass, inside the block.

        With ``alone`` the model's own parameters take no gradient inside; each is as before afterwards.

        Raises:
            UserError: the model has another depth or width than the set of neurons.
        """
        hooks = {
            layer: _GainHook(self.by_layer[str(layer)], self.neurons.indices[layer], self.neurons.width)
            for layer in self.neurons.counts()
        }
        frozen = [parameter for parameter in model.parameters() if alone and parameter.requires_grad]
        with hooked(model, self.neurons, hooks):
            try:
                for parameter in frozen:
                    parameter.requires_grad_(False)
                yield
            finally:
                for parameter in frozen:
                    parameter.requires_grad_(True)

    def edit(self) -> Edit:
        """The gains as they are now, as an edit."""
        values = {int(layer): gains.detach().cpu().tolist() for layer, gains in self.by_layer.items()}
        return Edit.of_gains(self.neurons, values)


class _GainHook(EditHook):
    def __init__(self, gains: Tensor, members: tuple[int, ...], width: int) -> None:
        self.gains, self.index, self.width = gains, torch.tensor(members), width

    def coefficients(self, device: torch.device) -> tuple[Tensor, Tensor | None]:
        wide = torch.ones(self.width, device=device, dtype=self.gains.dtype)
        return wide.index_copy(0, self.index.to(device), self.gains.to(device)), None
