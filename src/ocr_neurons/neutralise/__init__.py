"""An Edit: a NeuronSet and an operation, applied by hook or baked into weights."""
