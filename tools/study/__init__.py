"""The study of a plan's recipe: several training seeds of SFT and DPO, with controls."""
