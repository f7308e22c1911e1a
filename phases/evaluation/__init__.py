"""Evaluation: how many instructions does a model follow?"""
