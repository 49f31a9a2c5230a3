"""Forecasts as they would have been made on past days, recorded to be held against what came."""

from reverse_funnel.backtest.days import EVERY, as_of_days
from reverse_funnel.backtest.run import BacktestRequest, Recorded, backtest

__all__ = ["EVERY", "BacktestRequest", "Recorded", "as_of_days", "backtest"]
