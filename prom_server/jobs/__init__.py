"""What runs without anybody asking: the tasks, each doing one item at a time, and the loop that runs them."""
