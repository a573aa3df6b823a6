"""Asking models: requests, the response cache, pools, limits, budgets."""
