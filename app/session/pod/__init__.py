"""The guard, which stops the pod when money or time runs out."""
