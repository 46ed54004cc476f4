"""Loading a model and its tokenizer; where its neurons are; batches by token budget."""
