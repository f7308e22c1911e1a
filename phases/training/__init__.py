"""LoRA training with TRL: what SFT and DPO training share."""
