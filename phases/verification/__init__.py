"""Verification: is a model a base model?"""
