"""Ablation: the same targets drafted again with a part of the prompt left out, or a wrong one.

The drafts are in the store like all others, so that nothing is asked twice; the build stays as it
is. What is kept beside its manifest is what each reply was, and what follows from that.
"""
