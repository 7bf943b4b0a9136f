"""The textbook chain f(W1, W2, W3) = a(W1, b(W2, c(W3))), differentiated step by step."""

from engine.textbook.chain import OPERATIONS, TextbookChain
from engine.textbook.traces import ChainTrace, FactorTrace, GradientTrace

__all__ = ["OPERATIONS", "ChainTrace", "FactorTrace", "GradientTrace", "TextbookChain"]
