"""Train and measure the model of one trial."""
