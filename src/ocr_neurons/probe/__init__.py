"""What the neurons of a model do on clean and noisy text, as streaming statistics: the Profile."""
