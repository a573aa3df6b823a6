"""The certificate: whether replies to the same words can be told apart by the measured voice.

A small ranker learns, from minimal pairs of some speakers and sentences, which of two replies goes
with which of two voices. It is then asked about pairs of other speakers with other sentences.
Whatever it gets right above one half, the replies have from the voice, or from what goes with it.
No model is asked, and no judge is needed.
"""
