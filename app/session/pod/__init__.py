"""The rented pod, the guard that stops it when money or time runs out, and a drill of the stop."""
